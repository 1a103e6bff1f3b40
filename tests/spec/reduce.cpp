// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/reduce.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("reduce: axes from both ends, kept or not, and pooling over time") {
    CHECK(spec::sum{}.infer({2, 3}) == shape{});
    CHECK(spec::sum{{.keepdim = true}}.infer({2, 3}) == shape{1, 1});
    CHECK(spec::mean{{.axis = -2}}.infer({2, 3, 4}) == shape{2, 4});
    CHECK(spec::mean{{.axis = 1, .keepdim = true}}.infer({2, 3, 4}) == shape{2, 1, 4});
    CHECK(spec::sum{{.axis = 0}}.infer({0, 3}) == shape{3});
    CHECK_RAISES(shape_error, "at least one element to average", spec::mean{{.axis = 0}}.infer({0, 3}));
    CHECK_RAISES(shape_error, "axis is 2", spec::sum{{.axis = 2}}.infer({2, 3}));
    CHECK(spec::mean_over_time{}.infer({2, 9, 4}) == shape{2, 4});
    CHECK_RAISES(shape_error, "op::mean_over_time", spec::mean_over_time{}.infer({2, 0, 4}));
    CHECK(spec::adaptive_avg_pool1d{5}.infer({2, 9, 4}) == shape{2, 5, 4});
    CHECK_RAISES(usage_error, "length is 0", spec::adaptive_avg_pool1d{0}.infer({2, 9, 4}));
    CHECK(spec::max_pool1d{3, 2, 1}.infer({2, 9, 4}) == shape{2, 5, 4});
    CHECK_RAISES(usage_error, "padding is 2", (spec::max_pool1d{3, 2, 2}.infer({2, 9, 4})));
    CHECK_RAISES(shape_error, "padded length is 1, expected at least 3",
                 (spec::max_pool1d{3, 2, 0}.infer({2, 1, 4})));
}

TEST_CASE("reduce: extremes choose from at least one element, and an index from at most 2^24") {
    CHECK(spec::max{}.infer({2, 3}) == shape{});
    CHECK(spec::min{{.axis = -1, .keepdim = true}}.infer({2, 3}) == shape{2, 1});
    CHECK(spec::argmax{{.axis = 0}}.infer({2, 3}) == shape{3});
    CHECK(spec::argmin{{{.axis = 1}}}.infer({2, 3}) == shape{2});
    CHECK(spec::max{{.axis = 1}}.infer({0, 3}) == shape{0});
    CHECK_RAISES(shape_error, "op::max: shape is (0, 3), expected at least one element to choose from",
                 spec::max{{.axis = 0}}.infer({0, 3}));
    CHECK_RAISES(shape_error, "op::min: shape is (0)", spec::min{}.infer({0}));
    CHECK_RAISES(shape_error, "op::argmax: axis is 2", spec::argmax{{.axis = 2}}.infer({2, 3}));
    CHECK_RAISES(shape_error, "op::argmin: shape is (2, 0)", spec::argmin{{{.axis = 1}}}.infer({2, 0}));
    const std::size_t most = std::size_t(1) << 24;
    CHECK(spec::argmax{{.axis = 0}}.infer({most, 2}) == shape{2});
    CHECK_RAISES(shape_error, "op::argmax: shape is (16777217, 2), expected at most 2^24",
                 spec::argmax{{.axis = 0}}.infer({most + 1, 2}));
    CHECK_RAISES(shape_error, "op::argmin: shape is (8388608, 3)", spec::argmin{}.infer({most / 2, 3}));
}

TEST_CASE("reduce: a running sum keeps the shape") {
    CHECK(spec::cumsum{}.infer({2, 3}) == shape{2, 3});
    CHECK(spec::cumsum{0}.infer({0, 3}) == shape{0, 3});
    CHECK_RAISES(shape_error, "op::cumsum: axis is -1", spec::cumsum{}.infer({}));
    CHECK_RAISES(shape_error, "op::cumsum: axis is 2", spec::cumsum{2}.infer({2, 3}));
}
