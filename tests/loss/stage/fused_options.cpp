// SPDX-License-Identifier: BSD-3-Clause
/// The fused stage loss against the composition of ops that it replaces, for every combination of options.
#include <array>
#include <span>

#include "../check.hpp"
#include "smldist/loss/stage.hpp"

using namespace smldist;

namespace {

using loss::stage_options;

/// How the channels of a pair are brought together.
enum class channel_case { equal, components, all_channels, projected_teacher };
constexpr std::array<std::string_view, 4> channel_case_names{"equal channels", "components", "all channels",
                                                             "projected teacher"};

/// Statistics of 4 channels, their correlation of full rank.
const loss::feature_statistics<double>& of_teacher() {
    static const auto s = [] {
        loss::feature_statistics<double> t{normal({4}, 31), {0.5, 2, 1, 0.8}};
        tensor<double> correlation(shape{4, 4});
        for (std::size_t c = 0; c < 4; ++c)
            for (std::size_t d = 0; d < 4; ++d) correlation(c, d) = c == d ? 1 : 0.2 * double(c + d) / 4;
        t.principal = loss::principal<double>(correlation);
        return t;
    }();
    return s;
}
/// Weights that the options give to the bands of L samples at 20 Hz, of measured random spectra.
std::vector<double> weights_of(const stage_options& o, std::size_t L) {
    const auto basis = loss::make_basis<double>(o.basis, L);
    loss::band_statistics measured(2, basis.bands.size(), 4);
    measured.add(normal({4, L, 4}, 33), basis.bands, std::vector{0, 1, 0, 1});
    return loss::band_weights(basis, measured, 20, o.weights);
}

/// Value and gradients of a loss by the student and by all parameters.
template <class F>
std::vector<tensor<double>> derivatives(const loss::stage_loss<double>& of, const tensor<double>& x, F&& f) {
    tape<double> t;
    const auto v = t.variable(x);
    const auto y = f(v);
    t.backward(y);
    std::vector<tensor<double>> out{y.value(), *t.gradient(v)};
    for_each_parameter(of, [&](const parameter<double>& p) { out.push_back(*t.gradient(p)); });
    return out;
}
/// Largest difference, relative to the largest element of `b`.
double relative(const tensor<double>& a, const tensor<double>& b) {
    double most = 0, size = 1e-3;
    for (std::size_t i = 0; i < a.size(); ++i)
        most = std::max(most, std::abs(a[i] - b[i])), size = std::max(size, std::abs(b[i]));
    return most / size;
}

/// The pairs of features: two equal lengths, even and odd; unlike lengths, brought together in each way; without time.
struct lengths_case {
    std::string_view name;
    std::size_t student, teacher; ///< 0: rank 2
    loss::length_match match = loss::length_match::spectral;
};
constexpr lengths_case lengths_cases[]{{"even", 8, 8},
                                       {"odd", 9, 9},
                                       {"spectral", 11, 8, loss::length_match::spectral},
                                       {"pool", 8, 11, loss::length_match::pool},
                                       {"linear", 11, 8, loss::length_match::linear},
                                       {"without time", 0, 0}};

/// One pair of features with its options; the teacher has 4 channels, the student as many or 3.
struct fused_case {
    stage_options o = stage_options::frequency_aware();
    channel_case channels;
    lengths_case lengths;

    std::string name() const {
        const auto of = [](std::span<const std::string_view> names, auto value) {
            return std::string(names[static_cast<std::size_t>(value)]) + ", ";
        };
        return of(names_of<loss::time_basis>(), o.basis) + of(names_of<loss::weighting>(), o.weights.kind) +
               "alpha " + text(o.alpha) + ", " + of(names_of<loss::phase_free>(), o.term) + "eta " + text(o.eta) +
               ", " + of(names_of<loss::penalty>(), o.pen) + of(names_of<loss::standardise>(), o.scale) +
               of(channel_case_names, channels) + std::string(lengths.name);
    }
    /// Whether discrepancy_op covers it.
    bool covered() const {
        if (lengths.student == 0) return true;
        const bool magnitude = o.basis == loss::time_basis::rdft && o.term == loss::phase_free::magnitude;
        return o.weights.kind != loss::weighting::uncertainty &&
               (o.eta == 0 || o.term == loss::phase_free::none || magnitude);
    }
    /// The fused loss against the composition, in both modes.
    void check() const {
        CAPTURE(name());
        auto statistics = of_teacher();
        const std::size_t C = channels == channel_case::equal ? 4 : 3;
        const bool timed = lengths.student > 0;
        const auto feature = [&](std::size_t L, std::size_t width, std::uint64_t seed) {
            return normal(timed ? shape{3, L, width} : shape{3, width}, seed);
        };
        const tensor<double> x = feature(lengths.student, C, 34);
        tensor<double> t = feature(lengths.teacher, 4, 35);
        if (channels == channel_case::projected_teacher) {
            const auto map = loss::principal_map(statistics, o, C);
            t = op::linear(t, map.directions, map.offset);
            statistics.space = loss::teacher_space::components;
        }
        generator g(36);
        const loss::stage_loss<double> one(
            x.shape(), t.shape(), statistics, o,
            timed && o.alpha > 0 ? weights_of(o, std::min(lengths.student, lengths.teacher)) : std::vector<double>(),
            g);
        CHECK(one.fused() == covered());
        if (!covered()) return; // the loss is the composition
        for (const mode m : {mode::train, mode::eval}) {
            if (m == mode::eval && channels == channel_case::equal) continue; // no projector: the same
            CAPTURE((m == mode::train));
            const auto got = derivatives(one, x, [&](const auto& v) { return one(v, t, m); });
            const auto wanted = derivatives(one, x, [&](const auto& v) { return one.composed(v, t, m); });
            REQUIRE(got.size() == wanted.size());
            for (std::size_t i = 0; i < got.size(); ++i) {
                CAPTURE(i); // value, by the student, by the parameters
                CHECK(relative(got[i], wanted[i]) < 1e-12);
            }
        }
    }
};

} // namespace

TEST_CASE("fused_comparison: value and gradients equal those of the composition for every option") {
    for (std::size_t i = 0;; ++i) { // the digits of i are a choice for every option
        std::size_t rest = i;
        const auto pick = [&](const auto& from) -> const auto& {
            const std::size_t n = std::size(from), at = rest % n;
            rest /= n;
            return *(std::begin(from) + at);
        };
        const auto choose = [&]<std::size_t n>(const std::array<std::string_view, n>& names, auto& value) {
            value = static_cast<std::remove_reference_t<decltype(value)>>(&pick(names) - names.data());
        };
        fused_case c{};
        choose(names_of<loss::time_basis>(), c.o.basis);
        choose(names_of<loss::weighting>(), c.o.weights.kind);
        choose(names_of<loss::phase_free>(), c.o.term);
        choose(names_of<loss::penalty>(), c.o.pen);
        choose(names_of<loss::standardise>(), c.o.scale);
        choose(channel_case_names, c.channels);
        c.lengths = pick(lengths_cases);
        c.o.alpha = pick(std::array{0.0, 0.6});
        c.o.eta = pick(std::array{0.0, 0.3});
        if (rest != 0) break; // all have had their turn
        c.o.weights.gamma = 0.5;
        c.o.weights.high_hz = 6;
        c.o.delta = 0.7;
        c.o.explained = 1;
        c.o.match = c.lengths.match;
        if (c.channels == channel_case::all_channels) c.o.channels = loss::channel_match::all;
        if (c.channels == channel_case::projected_teacher && c.o.scale != loss::standardise::channel)
            continue; // no components
        if (c.o.alpha == 0 && c.o.weights.kind != loss::weighting::uniform &&
            c.o.weights.kind != loss::weighting::uncertainty)
            continue;                                                          // weights do not count
        if (c.o.eta == 0 && c.o.term != loss::phase_free::magnitude) continue; // the term does not count
        c.check();
    }
}
