// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/batch_share.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <barrier>
#include <cmath>
#include <cstddef>
#include <thread>
#include <vector>

#include "smldist/core/random.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

/// Batch-norms of rows along time and of one row a window, and dropout between them.
struct model {
    nn::linear<double> first, second;
    nn::batch_norm<double> in_time{4}, of_windows{3};

    explicit model(generator g) : first(2, 4, g), second(4, 3, g) {
        for (nn::batch_norm<double>* n : {&in_time, &of_windows})
            for (parameter<double>* p : {&n->weight, &n->bias})
                for (double& v : p->value) v += 0.3 * g.normal();
    }
    var<double> operator()(const var<double>& x) const {
        auto y = op::dropout(op::relu(in_time(first(x), mode::train)), {.p = 0.4}, mode::train);
        y = of_windows(second(op::mean_over_time(y)), mode::train);
        const auto bent = op::mul(y, op::mul(y, y)); // the mean of squares does not depend on what is normalised
        return op::mean(op::add(bent, op::mul(y, y)));
    }
    static void visit(auto& self, auto&& member) {
        member("first", self.first);
        member("second", self.second);
        member("in_time", self.in_time);
        member("of_windows", self.of_windows);
    }
};

/// Loss, gradients and noted statistics of one step.
struct step {
    double loss = 0;
    std::vector<tensor<double>> gradients, notes;

    step() = default;
    step(const model& m, const tensor<double>& x) {
        tape<double> t(7);
        const auto y = m(t.input(x));
        t.backward(y);
        loss = y.value().item();
        t.for_each_gradient([&](const tensor<double>&, tensor<double>& g) { gradients.push_back(g); });
        t.for_each_note([&](tensor<double>& value, tape<double>::noted) { notes.push_back(value); });
    }
};

/// Sums over threads: each adds to the others' values in the order of the threads.
struct meeting {
    std::barrier<> all;
    std::vector<double*> values;

    explicit meeting(std::size_t parts) : all(std::ptrdiff_t(parts)), values(parts) {}
    void sum(std::size_t part, double* mine, std::size_t n) {
        values[part] = mine;
        all.arrive_and_wait();
        std::vector<double> total(n);
        for (const double* v : values)
            for (std::size_t i = 0; i < n; ++i) total[i] += v[i];
        all.arrive_and_wait();
        std::copy(total.begin(), total.end(), mine);
    }
};

struct part {
    meeting* with;
    std::size_t index, first, rows;
    double weight = 1;
};

/// The steps of the parts of x (B, L, C), one a thread; a part of weight 0 stands in with the rows it names.
std::vector<step> apart(const model& m, const tensor<double>& x, std::vector<part> parts, bool joined) {
    meeting with(parts.size());
    std::vector<step> steps(parts.size());
    std::vector<std::thread> threads;
    for (part& p : parts) {
        p.with = &with;
        threads.emplace_back([&] {
            const std::size_t stride = x.size() / x.shape()[0];
            auto rows = tensor<double>::uninitialized(x.shape().with(0, p.rows));
            std::copy_n(x.data() + p.first * stride, rows.size(), rows.data());
            op::batch_share share{.first = p.first, .weight = p.weight, .context = &p};
            if (joined)
                share.sum = [](void* context, double* values, std::size_t n) {
                    const part& mine = *static_cast<const part*>(context);
                    mine.with->sum(mine.index, values, n);
                };
            op::current_share() = &share;
            steps[p.index] = step(m, rows);
        });
    }
    for (std::thread& t : threads) t.join();
    return steps;
}

double largest(const tensor<double>& a) {
    double m = 0;
    for (const double v : a) m = std::max(m, std::abs(v));
    return m;
}
double distance(const tensor<double>& a, const tensor<double>& b) {
    return largest(tensor<double>(a.array() - b.array())) / (1 + largest(b));
}

tensor<double> windows(std::size_t count) {
    generator g(3);
    tensor<double> x(shape{count, 5, 2});
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = g.normal() + (i < 40 ? 3 : 0); // the parts differ
    return x;
}

/// Checks that the parts, taken together, are a step of the whole batch.
void check_joined(const std::vector<part>& parts) {
    const model m(generator(1));
    const auto x = windows(9);
    const step whole(m, x);
    const auto steps = apart(m, x, parts, true);
    double loss = 0;
    for (std::size_t k = 0; k < parts.size(); ++k)
        loss += steps[k].loss * parts[k].weight * double(parts[k].rows) / 9;
    CHECK(loss == doctest::Approx(whole.loss).epsilon(1e-12));
    REQUIRE(whole.gradients.size() == 8);
    for (std::size_t i = 0; i < whole.gradients.size(); ++i) {
        CAPTURE(i);
        tensor<double> mean(whole.gradients[i].shape());
        for (std::size_t k = 0; k < parts.size(); ++k)
            for (std::size_t j = 0; j < mean.size(); ++j)
                mean[j] += steps[k].gradients[i][j] * parts[k].weight * double(parts[k].rows) / 9;
        CHECK(distance(mean, whole.gradients[i]) < 1e-12);
    }
    REQUIRE(whole.notes.size() == 4);
    for (const step& s : steps)
        for (std::size_t i = 0; i < whole.notes.size(); ++i) {
            CHECK(distance(s.notes[i], whole.notes[i]) < 1e-12);
            CHECK(identical(s.notes[i], steps[0].notes[i]));
        }
}

} // namespace

TEST_CASE("batch_share: shares with joined statistics are together a step of the whole batch") {
    check_joined({{nullptr, 0, 0, 9}});
    check_joined({{nullptr, 0, 0, 4}, {nullptr, 1, 4, 5}});
    check_joined({{nullptr, 0, 0, 2}, {nullptr, 1, 2, 3}, {nullptr, 2, 5, 4}});
    check_joined({{nullptr, 0, 0, 4}, {nullptr, 1, 4, 5}, {nullptr, 2, 0, 2, 0}}); // the third stands in
}

TEST_CASE("batch_share: without joined statistics a share is normalised by its own") {
    const model m(generator(1));
    const auto x = windows(9);
    const auto steps = apart(m, x, {{nullptr, 0, 0, 4}, {nullptr, 1, 4, 5}}, false);
    auto rows = tensor<double>::uninitialized({4, 5, 2});
    std::copy_n(x.data(), rows.size(), rows.data());
    const step alone(m, rows); // the first share draws as a whole batch does
    CHECK(alone.loss == steps[0].loss);
    for (std::size_t i = 0; i < 8; ++i) CHECK(identical(alone.gradients[i], steps[0].gradients[i]));
    CHECK_FALSE(identical(steps[0].notes[0], steps[1].notes[0]));
}

TEST_CASE("batch_share: dropout draws for the rows of a share as in the whole batch") {
    const auto dropped = [](const tensor<float>& x) {
        tape<float> t(5);
        static_cast<void>(op::dropout(t.input(x), {.p = 0.5}, mode::train)); // the position counts from each draw
        return op::dropout(t.input(x), {.p = 0.5}, mode::train).value();
    };
    const auto whole = dropped(tensor<float>(shape{7, 3, 5}, 1.0F));
    const op::batch_share share{.first = 4};
    op::current_share() = &share;
    const auto rest = dropped(tensor<float>(shape{3, 3, 5}, 1.0F));
    op::current_share() = nullptr;
    CHECK(std::equal(rest.begin(), rest.end(), whole.data() + 4 * 15));
    CHECK_FALSE(std::equal(rest.begin(), rest.end(), whole.data()));
}
