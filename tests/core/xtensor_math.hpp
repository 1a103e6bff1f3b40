// SPDX-License-Identifier: BSD-3-Clause
/// xtensor's functions and views, wherever its version has them.
#ifndef SMLDIST_TESTS_CORE_XTENSOR_MATH_HPP
#define SMLDIST_TESTS_CORE_XTENSOR_MATH_HPP

#if __has_include(<xtensor/core/xmath.hpp>)
#include <xtensor/core/xmath.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xmath.hpp>
#include <xtensor/xview.hpp>
#endif

#endif
