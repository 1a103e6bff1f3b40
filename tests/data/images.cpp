// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/images.hpp"

#include <doctest/doctest.h>

#include "raises.hpp"
#include "smldist/data/split.hpp"

using namespace smldist;

namespace {

/// (3, 2, 4, 2), element i is i.
tensor<float> three() {
    tensor<float> x(shape{3, 2, 4, 2});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
    return x;
}

} // namespace

TEST_CASE("images: pixels are the samples of a window, row by row, and each image is a group of its own") {
    const data::windows w = data::images(three(), {1, 0, 1}, {"cat", "dog"});
    CHECK(w.x.shape() == shape{3, 8, 2});
    for (std::size_t i = 0; i < w.x.size(); ++i) CHECK(w.x[i] == static_cast<float>(i));
    CHECK(w.label == std::vector<int>{1, 0, 1});
    CHECK(w.subject == std::vector<int>{0, 1, 2});
    CHECK(w.info.labels == std::vector<std::string>{"cat", "dog"});
    CHECK(w.info.channels == std::vector<std::string>{"channel 0", "channel 1"});
    CHECK(data::hold_out_subjects(w, 1, 0).validation.size() == 1);
}

TEST_CASE("images: a split keeps the images of a group together") {
    const data::windows w = data::images(three(), {1, 0, 1}, {"cat", "dog"}, {7, 7, 4});
    CHECK(data::by_subject(w, {7}).in.size() == 2);
}

TEST_CASE("images: what does not fit is refused") {
    CHECK_RAISES(shape_error, "shape of x is (3, 8, 2), expected (N, H, W, C)",
                 data::images(three().reshaped({3, 8, 2}), {0, 0, 0}, {"a", "b"}));
    CHECK_RAISES(shape_error, "(0, 2, 4, 2)", data::images(tensor<float>(shape{0, 2, 4, 2}), {}, {"a", "b"}));
    CHECK_THROWS_AS(static_cast<void>(data::images(three(), {0, 0}, {"a", "b"})), data_error);
    CHECK_THROWS_AS(static_cast<void>(data::images(three(), {0, 0, 2}, {"a", "b"})), data_error);
    CHECK_THROWS_AS(static_cast<void>(data::images(three(), {0, 0, 1}, {"a", "b"}, {1, 2})), data_error);
}
