// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/fitnets.hpp"

#include <memory>

#include "check.hpp"

using namespace smldist;
using loss::baseline::fitnets;
using loss::baseline::fitnets_options;

namespace {

constexpr std::pair<int, int> lengths[] = {{6, 6}, {7, 3}, {4, 6}};

std::string case_name(std::pair<int, int> l, bool relu) {
    return "fitnets/" + std::to_string(l.first) + "to" + std::to_string(l.second) + "_relu" + (relu ? "1" : "0");
}

/// The method with the regressor of one stored case. On the heap, since a tape refers to its parameters.
template <class T> std::shared_ptr<fitnets<T>> stored_method(const std::string& name, bool relu) {
    auto m = std::make_shared<fitnets<T>>();
    m->options.relu = relu;
    generator g;
    m->prepare(shapes_of(part::stages, {{3, 6, 4}}), shapes_of(part::stages, {{3, 6, 5}}), g);
    m->regressor->conv.weight.value = cast<T>(baseline_array(name + "/w"));
    m->regressor->norm.weight.value = cast<T>(baseline_array(name + "/weight"));
    m->regressor->norm.bias.value = cast<T>(baseline_array(name + "/bias"));
    return m;
}

fitnets<double> prepared(fitnets_options o, const std::vector<shape>& student, const std::vector<shape>& teacher) {
    fitnets<double> m{o, {}};
    generator g;
    m.prepare(shapes_of(part::stages, student), shapes_of(part::stages, teacher), g);
    return m;
}

} // namespace

TEST_CASE("fitnets: gradients by the stage are exact and agree with PyTorch") {
    for (const auto& l : lengths)
        for (const bool relu : {false, true}) {
            const std::string name = case_name(l, relu);
            const auto teacher = baseline_array(name + "/teacher_stage");
            const auto f = [teacher, fine = stored_method<double>(name, relu),
                            coarse = stored_method<float>(name, relu)](const auto& in) {
                using T = scalar_in<std::decay_t<decltype(in)>>;
                const auto run = [&](const auto& m) {
                    return m(outputs_of(part::stages, in), outputs_of(part::stages, std::vector{cast<T>(teacher)}),
                             std::span<const int>());
                };
                if constexpr (std::is_same_v<T, double>)
                    return run(*fine);
                else
                    return run(*coarse);
            };
            check_op(name, {baseline_array(name + "/stage")}, f);
            check_baseline(name, {"stage"}, f);
        }
}

TEST_CASE("fitnets: gradients by the regressor are exact and agree with PyTorch") {
    for (const auto& l : lengths)
        for (const bool relu : {false, true}) {
            const std::string name = case_name(l, relu);
            CAPTURE(name);
            const auto teacher = outputs_of(part::stages, std::vector{baseline_array(name + "/teacher_stage")});
            const auto method = stored_method<double>(name, relu);
            const auto call = [&](const fitnets<double>& m, tape<double>& t) {
                return m(outputs_of(part::stages, std::vector{t.input(baseline_array(name + "/stage"))}), teacher,
                         std::span<const int>());
            };
            const auto result = testing::gradcheck_model(*method, call);
            CHECK_MESSAGE(result.ok, result.message);
            tape<double> t;
            t.backward(call(*method, t));
            const auto& r = *method->regressor;
            CHECK(difference(*t.gradient(r.conv.weight), baseline_array(name + "/dw"), 1e-10) == "");
            CHECK(difference(*t.gradient(r.norm.weight), baseline_array(name + "/dweight"), 1e-10) == "");
            CHECK(difference(*t.gradient(r.norm.bias), baseline_array(name + "/dbias"), 1e-10) == "");
        }
}

TEST_CASE("fitnets: compares the middle stage of each network or the chosen one") {
    const auto width = [](const fitnets<double>& m) { return m.regressor->conv.weight.shape(); };
    const std::vector<shape> student{{2, 8, 3}, {2, 4, 4}, {2, 2, 5}}, teacher{{2, 8, 6}, {2, 4, 7}};
    CHECK(width(prepared({}, student, teacher)) == shape{7, 4, 1});
    fitnets_options first;
    first.stage = 0;
    CHECK(width(prepared(first, student, teacher)) == shape{6, 3, 1});
    CHECK(parameter_count(prepared(first, student, teacher)) == 6 * 3 + 2 * 6);
    CHECK(parameter_count(fitnets<double>{}) == 0);
}

TEST_CASE("fitnets: invalid arguments are refused") {
    check_weights<fitnets_options>();
    const std::vector<shape> one{{2, 8, 3}}, none;
    CHECK_RAISES(usage_error, "the student has 0 stages", prepared({}, none, one));
    CHECK_RAISES(usage_error, "the teacher has 0 stages", prepared({}, one, none));
    fitnets_options second;
    second.stage = 1;
    CHECK_RAISES(usage_error, "stage is 1", prepared(second, one, one));
    const auto x = outputs_of(part::stages, std::vector{normal({2, 8, 3})});
    CHECK_RAISES(usage_error, "expected prepare() first", fitnets<double>{}(x, x, std::span<const int>()));
    const auto m = prepared({}, one, one);
    CHECK_RAISES(usage_error, "numbers of stages are 0", m(outputs<tensor<double>>{}, x, std::span<const int>()));
    const auto other = outputs_of(part::stages, std::vector{normal({2, 8, 4})});
    CHECK_RAISES(shape_error, "conv1d", m(other, x, std::span<const int>()));
    CHECK_RAISES(shape_error, "(2, 8, 3) and (2, 8, 4)", m(x, other, std::span<const int>()));
}
