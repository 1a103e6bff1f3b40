// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/recurrent.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("gru and lstm: shapes and cost") {
    const spec::gru gru;
    CHECK(gru.infer({2, 7, 3}, {0}, {15, 3}, {15, 5}, {0}, {0}) == shape{2, 7, 5});
    CHECK(gru.infer({2, 7, 3}, {2, 5}, {15, 3}, {15, 5}, {15}, {15}) == shape{2, 7, 5});
    CHECK(gru.macs({2, 7, 3}, {0}, {15, 3}, {15, 5}, {0}, {0}) == 2 * 7 * 15 * (3 + 5));
    const spec::lstm lstm, with_cells{.cells = true};
    CHECK(lstm.infer({2, 7, 3}, {0}, {0}, {20, 3}, {20, 5}, {0}, {0}) == shape{2, 7, 5});
    CHECK(with_cells.infer({2, 7, 3}, {2, 5}, {2, 5}, {20, 3}, {20, 5}, {20}, {0}) == shape{2, 8, 5});
    CHECK(lstm.macs({2, 7, 3}, {0}, {0}, {20, 3}, {20, 5}, {0}, {0}) == 2 * 7 * 20 * (3 + 5));
}

TEST_CASE("gru and lstm: inputs that do not fit are refused") {
    const auto gru = [](const shape& x, const shape& h0, const shape& ih, const shape& hh, const shape& bias) {
        return spec::gru{}.infer(x, h0, ih, hh, {0}, bias);
    };
    CHECK_RAISES(shape_error, "op::gru: shape of weight_hh is (15), expected (3 H, H)",
                 gru({2, 7, 3}, {0}, {15, 3}, {15}, {0}));
    CHECK_RAISES(shape_error, "shape of weight_hh is (16, 5)", gru({2, 7, 3}, {0}, {15, 3}, {16, 5}, {0}));
    CHECK_RAISES(shape_error, "shape of weight_hh is (0, 0)", gru({2, 7, 3}, {0}, {0, 3}, {0, 0}, {0}));
    CHECK_RAISES(shape_error, "shape of weight_ih is (14, 3), expected (15, C)",
                 gru({2, 7, 3}, {0}, {14, 3}, {15, 5}, {0}));
    CHECK_RAISES(shape_error, "shape of weight_ih is (15, 0)", gru({2, 7, 0}, {0}, {15, 0}, {15, 5}, {0}));
    CHECK_RAISES(shape_error, "shape of weight_ih is (15)", gru({2, 7, 1}, {0}, {15}, {15, 5}, {0}));
    CHECK_RAISES(shape_error, "shape of x is (2, 3), expected (B, L, 3)", gru({2, 3}, {0}, {15, 3}, {15, 5}, {0}));
    CHECK_RAISES(shape_error, "shape of x is (2, 7, 4)", gru({2, 7, 4}, {0}, {15, 3}, {15, 5}, {0}));
    CHECK_RAISES(shape_error, "shape of x is (2, 0, 3)", gru({2, 0, 3}, {0}, {15, 3}, {15, 5}, {0}));
    CHECK_RAISES(shape_error, "shape of bias is (5), expected (15) or none",
                 gru({2, 7, 3}, {0}, {15, 3}, {15, 5}, {5}));
    CHECK_RAISES(shape_error, "shape of a first state is (5), expected (2, 5) or none",
                 gru({2, 7, 3}, {5}, {15, 3}, {15, 5}, {0}));
    CHECK_RAISES(shape_error, "op::lstm: shape of a first state is (1, 5)",
                 spec::lstm{}.infer({2, 7, 3}, {2, 5}, {1, 5}, {20, 3}, {20, 5}, {0}, {0}));
    CHECK_RAISES(shape_error, "op::lstm: shape of bias is (20, 1)",
                 spec::lstm{}.infer({2, 7, 3}, {0}, {0}, {20, 3}, {20, 5}, {20, 1}, {0}));
}
