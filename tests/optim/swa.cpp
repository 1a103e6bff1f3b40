// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/swa.hpp"

#include <limits>

#include "allocations.hpp"
#include "pair.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"

using namespace smldist;

namespace {

/// A linear map with batch-norm, named as torch.nn.Sequential does.
struct model {
    nn::linear<double> map;
    nn::batch_norm<double> norm{4};

    template <class X> auto operator()(const X& x, mode m) const { return norm(map(x), m); }
    static void visit(auto& self, auto&& member) {
        member("0", self.map);
        member("1", self.norm);
    }
};

model stored_model(std::size_t i) {
    model m;
    m.map.weight.value = stored_row("swa/models/0.weight", i);
    m.map.bias.value = stored_row("swa/models/0.bias", i);
    m.norm.weight.value = stored_row("swa/models/1.weight", i);
    m.norm.bias.value = stored_row("swa/models/1.bias", i);
    return m;
}

/// Rows [first, last) of the stored input.
tensor<double> rows(std::size_t first, std::size_t last) {
    const auto x = stored("swa/x");
    auto some = tensor<double>::uninitialized({last - first, 5});
    std::copy_n(x.data() + first * 5, some.size(), some.data());
    return some;
}

void refresh(model& m) {
    tape<double> t;
    std::size_t k = 0;
    for (const auto& [first, last] : {std::pair<std::size_t, std::size_t>{0, 7}, {7, 13}, {13, 17}}) {
        t.reset();
        m(t.input(rows(first, last)), mode::train);
        optim::refresh_statistics(m, t, ++k);
    }
}

} // namespace

TEST_CASE("swa: mean and refreshed statistics as PyTorch") {
    optim::swa<model> mean(stored_model(0)); // the start does not count
    for (std::size_t i = 0; i < 4; ++i) mean.update(stored_model(i));
    CHECK(mean.models == 4);
    refresh(mean.model);
    walk(mean.model, [](const std::string& path, const auto& leaf) {
        CAPTURE(path);
        CHECK(distance(leaf.value, stored("swa/mean/" + path)) < 1e-14);
    });
}

TEST_CASE("swa: the first model replaces the start exactly; equal models stay as they are") {
    const model one = stored_model(1);
    optim::swa<model> mean(stored_model(0));
    for (int i = 0; i < 7; ++i) {
        mean.update(one);
        CHECK(identical(mean.model.map.weight.value, one.map.weight.value));
        CHECK(identical(mean.model.norm.bias.value, one.norm.bias.value));
    }
}

TEST_CASE("swa: an update does not allocate once it has run") {
    const model one = stored_model(1);
    optim::swa<model> mean(one);
    mean.update(one);
    const std::size_t before = allocations();
    for (int i = 0; i < 5; ++i) mean.update(one);
    CHECK(allocations() == before);
}

TEST_CASE("refresh_statistics: earlier statistics have no effect, and parameters do not change") {
    model m = stored_model(2), spoilt = m;
    spoilt.norm.running_mean.value.fill(std::nan(""));
    spoilt.norm.running_var.value.fill(std::numeric_limits<double>::infinity());
    const auto before = m;
    refresh(m);
    refresh(spoilt);
    CHECK(identical(m.norm.running_mean.value, spoilt.norm.running_mean.value));
    CHECK(identical(m.norm.running_var.value, spoilt.norm.running_var.value));
    CHECK(identical(m.map.weight.value, before.map.weight.value));
    CHECK_FALSE(identical(m.norm.running_mean.value, before.norm.running_mean.value));
}
