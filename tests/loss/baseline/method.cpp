// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/method.hpp"

#include "allocations.hpp"
#include "check.hpp"

using namespace smldist;
using loss::baseline::method;

namespace {

const std::string every_name[] = {"hinton", "fitnets", "at", "nst", "sp", "rkd", "pkt", "dkd", "dist", "simkd"};
const std::vector<int> labels{0, 1, 2, 3, 1, 0};

/// Two stages of other lengths than `length` gives, a feature and logits.
outputs<tensor<float>> random_outputs(std::size_t length, std::size_t width, std::uint64_t seed) {
    outputs<tensor<float>> out;
    out.stages.push_back(cast<float>(normal({6, length, width}, seed)));
    out.stages.push_back(cast<float>(normal({6, length / 2, width + 1}, seed + 1)));
    out.feature = cast<float>(normal({6, 5}, seed + 2));
    out.logits = cast<float>(normal({6, 4}, seed + 3));
    return out;
}
outputs<shape> shapes(const outputs<tensor<float>>& o) {
    outputs<shape> s;
    for (const auto& stage : o.stages) s.stages.push_back(stage.shape());
    s.feature = o.feature.shape();
    s.logits = o.logits.shape();
    return s;
}
outputs<var<float>> on(tape<float>& t, const outputs<tensor<float>>& o) {
    outputs<var<float>> v;
    for (const auto& stage : o.stages) v.stages.push_back(t.variable(stage));
    v.feature = t.variable(o.feature);
    v.logits = t.variable(o.logits);
    return v;
}

} // namespace

TEST_CASE("method: every name gives the weights and the term of its method") {
    const auto student = random_outputs(8, 3, 0), teacher = random_outputs(4, 5, 10);
    std::string all;
    for (const auto& name : every_name) {
        CAPTURE(name);
        all += (all.empty() ? "" : ", ") + name;
        method<float> m(name);
        CHECK(m.name() == name);
        CHECK(method<float>::known(name));
        generator g;
        m.prepare(shapes(student), shapes(teacher), g);
        const float y = m(student, teacher, labels).item();
        CHECK(y > 0);
        m.weight().term *= 2;
        CHECK(m(student, teacher, labels).item() == doctest::Approx(double(2 * y)));
        CHECK((parameter_count(m) > 0) == (name == "fitnets"));
    }
    CHECK(method<float>::names() == all);
    const auto weight = [](std::string_view name) { return method<float>(name).weight(); };
    CHECK(weight("hinton").hard == 0.1);
    CHECK(weight("hinton").term == 0.9);
    CHECK(weight("fitnets").term == 100);
    CHECK(weight("at").term == 1000);
    CHECK(weight("nst").term == 50);
    CHECK(weight("sp").term == 3000);
    CHECK(weight("pkt").term == 30000);
    CHECK(weight("simkd").hard == 0);
    for (const std::string name : {"rkd", "dkd", "dist"}) {
        CAPTURE(name);
        CHECK(weight(name).term == 1);
    }
    CHECK_RAISES(usage_error, "name is \"crd\", expected hinton, fitnets", method<float>("crd"));
    CHECK_FALSE(method<float>::known("crd"));
    CHECK_RAISES(usage_error, "name is \"\"", method<float>(""));
}

TEST_CASE("method: gives the bits and the parameter paths of the method itself") {
    const auto student = random_outputs(8, 3, 0), teacher = random_outputs(4, 5, 10);
    CHECK(identical(method<float>("dkd")(student, teacher, labels), loss::baseline::dkd{}(student, teacher, labels)));
    method<float> m("fitnets");
    generator g;
    m.prepare(shapes(student), shapes(teacher), g);
    std::string paths;
    walk(m, [&](const std::string& path, const auto&) { paths += path + " "; });
    CHECK(paths == "fitnets.regressor.conv.weight fitnets.regressor.norm.weight fitnets.regressor.norm.bias "
                   "fitnets.regressor.norm.running_mean fitnets.regressor.norm.running_var ");
}

TEST_CASE("method: a warmed-up forward and backward pass allocates nothing") {
    const auto student = random_outputs(8, 3, 0), teacher = random_outputs(4, 5, 10);
    for (const auto& name : every_name) {
        CAPTURE(name);
        method<float> m(name);
        generator g;
        m.prepare(shapes(student), shapes(teacher), g);
        memory::trim(); // what other tests left would hide an allocation
        tape<float> t;
        const auto step = [&] {
            t.reset();
            t.backward(m(on(t, student), teacher, labels));
        };
        step();
        const std::size_t before = allocations();
        for (int k = 0; k < 3; ++k) step();
        CHECK(allocations() == before);
    }
}
