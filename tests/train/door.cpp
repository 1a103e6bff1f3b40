// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/door.hpp"

#include <memory>

#include "train/run.hpp"

using namespace smldist;
using train::detail::refusal;
using train::detail::refused;

namespace {

template <class X> outputs<X> nothing(const X& x) {
    outputs<X> out;
    out.logits = x;
    return out;
}

struct fine {
    template <class X> outputs<X> operator()(const X& x, mode) const { return nothing(x); }
    static void visit(auto&, auto&&) {}
};
struct no_visit {
    template <class X> outputs<X> operator()(const X& x, mode) const { return nothing(x); }
};
struct no_outputs {
    template <class X> X operator()(const X& x, mode) const { return x; }
    static void visit(auto&, auto&&) {}
};
struct writes {
    template <class X> outputs<X> operator()(const X& x, mode) { return nothing(x); }
    static void visit(auto&, auto&&) {}
};
struct no_mode {
    template <class X> outputs<X> operator()(const X& x) const { return nothing(x); }
    static void visit(auto&, auto&&) {}
};
struct no_copy : fine {
    std::unique_ptr<int> owned;
};
struct in_double : fine {
    using scalar = double;
};
template <class T> struct of_type : fine {};

struct wrong_value : train::supervised {
    double operator()(tape<float>&, const outputs<var<float>>&, const data::batch&, double) const { return 0; }
};
struct objective_without_visit {
    train::objective_value operator()(tape<float>&, const outputs<var<float>>&, const data::batch&, double) const {
        return {};
    }
};
/// Runs a part of a network that has no call of its own.
struct forwards : train::supervised {
    outputs<var<float>> forward(const no_outputs&, const var<float>& x) const { return nothing(x); }
};

} // namespace

TEST_CASE("door: reports the first thing that a network or objective lacks") {
    using train::supervised;
    CHECK(refused<network, supervised>() == refusal::none);
    CHECK(refused<fine, supervised>() == refusal::none);
    CHECK(refused<of_type<float>, supervised>() == refusal::none);
    CHECK(refused<no_outputs, forwards>() == refusal::none);
    CHECK(refused<const network, supervised>() == refusal::constant);
    CHECK(refused<no_visit, supervised>() == refusal::visit);
    CHECK(refused<model::network<double>, supervised>() == refusal::scalar);
    CHECK(refused<of_type<double>, supervised>() == refusal::scalar);
    CHECK(refused<in_double, supervised>() == refusal::scalar);
    CHECK(refused<no_outputs, supervised>() == refusal::outputs);
    CHECK(refused<writes, supervised>() == refusal::outputs);
    CHECK(refused<no_mode, supervised>() == refusal::outputs);
    CHECK(refused<no_copy, supervised>() == refusal::copy);
    CHECK(refused<fine, objective_without_visit>() == refusal::objective_visit);
    CHECK(refused<fine, wrong_value>() == refusal::objective_call);
}
