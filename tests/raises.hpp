// SPDX-License-Identifier: BSD-3-Clause
/// A check that an expression throws, with the message.
#ifndef TESTS_RAISES_HPP
#define TESTS_RAISES_HPP

#include <doctest/doctest.h>
#include <string>

/// Evaluates an expression and checks that it throws E with `part` in the message.
#define CHECK_RAISES(E, part, ...)                                                                                   \
    do {                                                                                                             \
        bool raised = false;                                                                                         \
        try {                                                                                                        \
            static_cast<void>(__VA_ARGS__);                                                                          \
        } catch (const E& e) {                                                                                       \
            raised = true;                                                                                           \
            CHECK_MESSAGE(std::string(e.what()).find(part) != std::string::npos, e.what());                          \
        }                                                                                                            \
        CHECK_MESSAGE(raised, #__VA_ARGS__ " did not throw " #E);                                                    \
    } while (false)

#endif
