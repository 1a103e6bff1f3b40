// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/recurrent.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

/// The operands of a recurrence with G gates, in PyTorch's layout.
template <class G, class T> struct operands {
    kernel::recurrence s;
    std::vector<T> weight_ih, weight_hh, bias_ih, bias_hh, x, h0, c0;

    explicit operands(const kernel::recurrence& e)
        : s(e),
          weight_ih(values<T>(G::gates * s.H * s.C, 1)),
          weight_hh(values<T>(G::gates * s.H * s.H, 2)),
          bias_ih(values<T>(G::gates * s.H, 3)),
          bias_hh(values<T>(G::gates * s.H, 4)),
          x(values<T>(s.B * s.L * s.C, 5)),
          h0(values<T>(s.B * s.H, 6)),
          c0(values<T>(s.B * s.H, 7)) {
        for (T& w : weight_hh) w *= T(2) / static_cast<T>(s.H);
    }
    kernel::first_state<T> first() const { return {h0.data(), c0.data(), s.H, s.H}; }
    std::vector<T> run() const {
        std::vector<T> y(s.B * s.y_rows * s.H, T(NAN));
        kernel::recurrent_forward<G>(s, weight_ih.data(), weight_hh.data(), bias_ih.data(), bias_hh.data(), x.data(),
                                     first(), y.data(), static_cast<T*>(nullptr));
        return y;
    }
};

/// y of an LSTM.
template <class T> std::vector<T> naive_lstm(const operands<kernel::lstm_gates, T>& o) {
    const auto& s = o.s;
    std::vector<T> y(s.B * s.y_rows * s.H);
    for (std::size_t b = 0; b < s.B; ++b) {
        std::vector<T> h(o.h0.begin() + std::ptrdiff_t(b * s.H), o.h0.begin() + std::ptrdiff_t((b + 1) * s.H));
        std::vector<T> c(o.c0.begin() + std::ptrdiff_t(b * s.H), o.c0.begin() + std::ptrdiff_t((b + 1) * s.H));
        for (std::size_t k = 0; k < s.L; ++k) {
            std::vector<T> gate(4 * s.H);
            for (std::size_t j = 0; j < gate.size(); ++j) {
                gate[j] = o.bias_ih[j] + o.bias_hh[j];
                for (std::size_t i = 0; i < s.C; ++i)
                    gate[j] += o.weight_ih[j * s.C + i] * o.x[(b * s.L + s.time(k)) * s.C + i];
                for (std::size_t i = 0; i < s.H; ++i) gate[j] += o.weight_hh[j * s.H + i] * h[i];
            }
            const auto squash = [](T v) { return 1 / (1 + std::exp(-v)); };
            for (std::size_t j = 0; j < s.H; ++j) {
                c[j] = squash(gate[s.H + j]) * c[j] + squash(gate[j]) * std::tanh(gate[2 * s.H + j]);
                h[j] = squash(gate[3 * s.H + j]) * std::tanh(c[j]);
                y[(b * s.y_rows + s.time(k)) * s.H + j] = h[j];
            }
        }
        if (s.y_rows > s.L) std::copy(c.begin(), c.end(), y.begin() + std::ptrdiff_t((b * s.y_rows + s.L) * s.H));
    }
    return y;
}

/// Every sequence in blocks of steps, in both directions.
template <class T> void check_extents() {
    for (const std::size_t B : counts{1, 2, 3, 5, 8, 19, 130})
        for (const std::size_t L : counts{1, 2, 17, 70})
            for (const std::size_t H : counts{1, 5, 16, 48, 67}) {
                if ((B == 130 || L == 70) && (L * H > 400 || B * L > 700)) continue;
                for (const bool reverse : {false, true}) {
                    CAPTURE(B);
                    CAPTURE(L);
                    CAPTURE(H);
                    CAPTURE(reverse);
                    const operands<kernel::gru_gates, T> gru({B, L, 3, H, L, reverse});
                    std::vector<T> want(B * L * H);
                    kernel::naive::gru(gru.s, gru.weight_ih.data(), gru.weight_hh.data(), gru.bias_ih.data(),
                                       gru.bias_hh.data(), gru.x.data(), gru.h0.data(), want.data());
                    CHECK(close(gru.run(), want));
                    for (const std::size_t cells : counts{0, 1}) {
                        const operands<kernel::lstm_gates, T> lstm({B, L, 3, H, L + cells, reverse});
                        CHECK(close(lstm.run(), naive_lstm(lstm)));
                    }
                }
            }
}

/// A row alone and the same row within a batch.
template <class G, class T> void check_rows() {
    const std::size_t L = 19, H = 40;
    const operands<G, T> all({21, L, 3, H, L, false});
    const std::vector<T> y = all.run();
    for (const std::size_t b : counts{0, 7, 8, 16, 20}) {
        operands<G, T> one({1, L, 3, H, L, false});
        std::copy_n(all.x.data() + b * L * 3, L * 3, one.x.data());
        std::copy_n(all.h0.data() + b * H, H, one.h0.data());
        std::copy_n(all.c0.data() + b * H, H, one.c0.data());
        const auto from = y.begin() + std::ptrdiff_t(b * L * H);
        CHECK(same_bits(one.run(), std::vector<T>(from, from + std::ptrdiff_t(L * H))));
    }
}

} // namespace

TEST_CASE_TEMPLATE("recurrent: as the formula, over extents and directions", T, float, double) { check_extents<T>(); }

TEST_CASE_TEMPLATE("recurrent: a row has the same bits beside any others", T, float, double) {
    check_rows<kernel::gru_gates, T>();
    check_rows<kernel::lstm_gates, T>();
}

TEST_CASE_TEMPLATE("recurrent: the product of one row has the bits of the product of many", T, float, double) {
    for (const std::size_t N : counts{1, 7, 48, 95, 96, 100, 192, 193, 240, 300})
        for (const std::size_t K : counts{1, 5, 64}) {
            CAPTURE(N);
            CAPTURE(K);
            const auto a = values<T>(K, 1), w = values<T>(N * K, 2), bias = values<T>(N, 3);
            std::vector<T> packed(kernel::packed_size<T>(N, K)), one(N), many(N);
            const auto b = kernel::pack_nt(N, K, w.data(), K, packed.data());
            for (const T* shift : {bias.data(), static_cast<const T*>(nullptr)}) {
                kernel::detail::row_times_packed(a.data(), b, shift, one.data());
                kernel::gemm_packed(1, a.data(), K, b, many.data(), N, false, shift);
                CHECK(same_bits(one, many));
            }
        }
}

TEST_CASE_TEMPLATE("recurrent: the same bits on any number of threads", T, float, double) {
    CHECK(same_on_any_threads([] { return operands<kernel::gru_gates, T>({40, 5, 3, 20, 5, false}).run(); }));
    CHECK(same_on_any_threads([] { return operands<kernel::lstm_gates, T>({40, 5, 3, 20, 6, true}).run(); }));
    CHECK(same_on_any_threads([] {
        const std::size_t B = 40, L = 5, H = 20;
        const operands<kernel::gru_gates, T> o({B, L, 3, H, L, false});
        std::vector<T> y(B * L * H), keep(B * L * 4 * H), dgates(keep.size()), before(y.size()), samples(o.x.size()),
            dfirst(B * H);
        kernel::recurrent_forward<kernel::gru_gates>(o.s, o.weight_ih.data(), o.weight_hh.data(), o.bias_ih.data(),
                                                     o.bias_hh.data(), o.x.data(), o.first(), y.data(), keep.data());
        kernel::recurrent_backward<kernel::gru_gates>(o.s, o.weight_hh.data(), o.x.data(), o.first(), y.data(),
                                                      keep.data(), values<T>(y.size(), 9).data(), dgates.data(),
                                                      before.data(), samples.data(), dfirst.data());
        dgates.insert(dgates.end(), dfirst.begin(), dfirst.end());
        return dgates;
    }));
}
