// SPDX-License-Identifier: BSD-3-Clause
/// What the tests of the losses share.
#ifndef SMLDIST_TESTS_LOSS_CHECK_HPP
#define SMLDIST_TESTS_LOSS_CHECK_HPP

#include "../op/check.hpp"

/// Array `name` of the file that tests/reference/make_loss.py writes, or of that of make_losses.py.
inline smldist::tensor<double> stored(const std::string& name, const std::string& file = "loss.safetensors") {
    return reference(file, name);
}

inline std::vector<int> stored_labels(const std::string& name, const std::string& file = "loss.safetensors") {
    std::vector<int> labels;
    for (const double v : stored(name, file)) labels.push_back(static_cast<int>(v));
    return labels;
}

/// The scalar type that a list of inputs computes with.
template <class In> using scalar_in = smldist::op::scalar_of_t<typename In::value_type>;

/// Holds f against PyTorch's value and gradients, which are stored in double.
inline void check_loss(const std::string& prefix, const std::vector<std::string>& inputs, const any_world& f,
                       const std::string& file = "loss.safetensors") {
    detail::check_reference<double>(prefix, inputs, f, file, 1e-12);
    detail::check_reference<float>(prefix, inputs, f, file, 1e-4);
}

/// 0.1 as "0.1", 3 as "3", as Python's :g writes it.
inline std::string text(double v) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%g", v);
    return digits;
}

#endif
