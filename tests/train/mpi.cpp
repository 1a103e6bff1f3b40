// SPDX-License-Identifier: BSD-3-Clause
/// Run by mpirun on several ranks: each runs all test cases, in one order, and checks for itself.
#include "smldist/train/mpi.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "allocations.hpp"
#include "raises.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "train/run.hpp"

using namespace smldist;
using train::training_options;

namespace {

/// MPI, from the first test case to the end of the program. The ranks share the machine, so each has one thread.
const train::mpi::world& world() {
    static const train::mpi::world w;
    static const bool once = (set_threads(1), true);
    static_cast<void>(once);
    return w;
}

/// What a training leaves behind and reports.
template <class Network> struct outcome {
    Network net;
    std::optional<train::training_result<Network>> result;
    std::vector<double> losses; ///< of the steps

    double loss(std::size_t epoch) const { return result->history.at(epoch).train.total; }
};

const auto nothing = [](auto&) {};

/// Trains on few(), in this process alone without `mpi`; `set` may add to the training.
template <class Network, class F = decltype(nothing)>
outcome<Network> trained(const Network& start, const training_options& o, const train::mpi::options* mpi,
                         F set = nothing) {
    world();
    outcome<Network> out{start, {}, {}};
    train::supervised objective;
    train::training t(out.net, objective, few().train, few().validation, few().normal, o);
    t.on_step = [&](const train::step_report& s) { out.losses.push_back(s.loss); };
    set(t);
    out.result = mpi ? train::mpi::run(t, *mpi) : t.run();
    return out;
}

const train::mpi::options own_statistics{}, joint_statistics{.synchronised_batch_norm = true};

/// The loss falls from 1.8 to 1.2 in six epochs.
training_options few_epochs(std::size_t batch, std::size_t epochs = 6) {
    training_options o = brief(epochs);
    o.batch = batch;
    o.lr = 3e-2;
    return o;
}

/// A classifier without batch-norm, with dropout: two linear maps of each sample, then the mean over time.
struct plain_network {
    nn::linear<float> first, second, head;

    plain_network() = default;
    explicit plain_network(generator g) : first(9, 16, g), second(16, 16, g), head(16, 6, g) {}
    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const {
        outputs<X> out;
        const X y = op::dropout(X(op::relu(first(x))), {.p = 0.2}, m);
        out.feature = op::mean_over_time(op::relu(second(y)));
        out.logits = head(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("first", self.first);
        member("second", self.second);
        member("head", self.head);
    }
};

template <class M> std::vector<float> numbers(const M& model) {
    std::vector<float> all;
    for_each_leaf(model, [&](const auto& leaf) { all.insert(all.end(), leaf.value.begin(), leaf.value.end()); });
    return all;
}
/// The same numbers on every rank, bit for bit.
template <class T> bool on_all_ranks(const std::vector<T>& mine) {
    std::vector<T> of_root = mine;
    MPI_Bcast(of_root.data(), static_cast<int>(of_root.size() * sizeof(T)), MPI_BYTE, 0, MPI_COMM_WORLD);
    return std::equal(mine.begin(), mine.end(), of_root.begin(),
                      [](T a, T b) { return std::memcmp(&a, &b, sizeof a) == 0; });
}
template <class Network> bool on_all_ranks(const outcome<Network>& o) {
    return on_all_ranks(numbers(o.net)) && on_all_ranks(numbers(o.result->best)) && on_all_ranks(o.losses);
}

template <class A> double worst(const std::vector<A>& got, const std::vector<A>& want) {
    if (got.size() != want.size()) return HUGE_VAL;
    double d = 0;
    for (std::size_t i = 0; i < got.size(); ++i)
        d = std::max(d, std::abs(double(got[i]) - double(want[i])) / (1 + std::abs(double(want[i]))));
    return d;
}

template <class Network> void check_same_run(const outcome<Network>& a, const outcome<Network>& b) {
    CHECK(numbers(a.net) == numbers(b.net));
    CHECK(numbers(a.result->best) == numbers(b.result->best));
    CHECK(a.losses == b.losses);
}

} // namespace

TEST_CASE("mpi: without batch-norm the ranks together make the steps of one process") {
    const plain_network start(generator(1));
    REQUIRE(few().train.size() == 104);
    for (const std::size_t batch : {26u, 51u}) { // 51: the last batch has two windows, for one rank
        CAPTURE(batch);
        for (const double mixup : {0.0, 0.3}) {
            training_options o = few_epochs(batch);
            o.mixup = mixup;
            const auto alone = trained(start, o, nullptr), joint = trained(start, o, &own_statistics);
            CHECK(worst(joint.losses, alone.losses) < 1e-5);
            CHECK(worst(numbers(joint.net), numbers(alone.net)) < 1e-4);
            CHECK(alone.loss(5) < (batch == 26 ? 1.6 : 1.75));
            CHECK(on_all_ranks(joint));
            if (world().size() == 1) check_same_run(joint, alone);
        }
    }
}

TEST_CASE("mpi: with synchronised batch-norm the loss is that of one process with the joint batch") {
    const network start = make(student_config());
    for (const std::size_t batch : {26u, 50u}) {
        CAPTURE(batch);
        const training_options o = few_epochs(batch);
        const auto alone = trained(start, o, nullptr), joint = trained(start, o, &joint_statistics);
        CHECK(worst(joint.losses, alone.losses) < 1e-5);
        for (std::size_t e = 0; e < o.epochs; ++e) {
            CHECK(std::abs(joint.loss(e) - alone.loss(e)) < 1e-5);
            CHECK(joint.result->history[e].score == doctest::Approx(alone.result->history[e].score).epsilon(0.05));
        }
        CHECK(on_all_ranks(joint));
    }
}

TEST_CASE("mpi: without synchronisation every rank normalises by its own rows, and running statistics are pooled") {
    const network start = make(student_config());
    training_options o = few_epochs(52, 1);
    o.lr = 1e-6; // so that the first batch-norm sees the same values in all steps
    const auto alone = trained(start, o, nullptr), joint = trained(start, o, &own_statistics);
    CHECK(on_all_ranks(joint));
    if (world().size() == 1) return check_same_run(joint, alone);
    CHECK(worst(joint.losses, alone.losses) > 1e-5);
    const auto &got = joint.net.backbone.stem.norm, &want = alone.net.backbone.stem.norm;
    CHECK(worst(numbers(got.running_mean), numbers(want.running_mean)) < 1e-5);
    CHECK(worst(numbers(got.running_var), numbers(want.running_var)) < 5e-3); // each rank's is unbiased by itself
}

TEST_CASE("mpi: two runs have the same bits, with any number of threads, and one rank has those of one process") {
    const network start = make(student_config());
    for (const auto& how : {own_statistics, joint_statistics}) {
        training_options o = few_epochs(26, 2);
        o.mixup = 0.2;
        const auto first = trained(start, o, &how);
        set_threads(3);
        const auto second = trained(start, o, &how);
        set_threads(1);
        check_same_run(first, second);
        if (world().size() == 1 && !how.synchronised_batch_norm) check_same_run(first, trained(start, o, nullptr));
    }
}

TEST_CASE("mpi: averages of the weights, k-means and a plateau are the same on every rank") {
    const network start = make(student_config(heads::memory));
    training_options o = few_epochs(26, 4);
    o.memory = train::memory_initialisation::k_means;
    o.patience = 3;
    o.schedule.kind = optim::schedule_kind::plateau;
    for (const bool ema : {true, false}) {
        o.ema = ema ? 0.9 : 0;
        o.swa_epochs = ema ? 0 : 2;
        const auto joint = trained(start, o, &own_statistics);
        CHECK(on_all_ranks(joint));
        if (world().size() == 1) check_same_run(joint, trained(start, o, nullptr));
    }
}

TEST_CASE(
    "mpi: the training's own functions see the joint batch and the averaged gradients, and come back afterwards") {
    std::size_t windows = 0, calls = 0, stops = 0;
    double squares = 0, of_one = 0;
    const plain_network start(generator(1));
    const auto first_norm = [](double& to) {
        return [&to](tape<float>& t, train::loss_terms&) {
            if (to != 0) return;
            t.for_each_gradient([&](const tensor<float>&, tensor<float>& g) {
                for (const float v : g) to += double(v) * double(v);
            });
        };
    };
    plain_network net = start;
    train::supervised objective;
    train::training t(net, objective, few().train, few().validation, few().normal, few_epochs(26, 2));
    t.on_batch = [&](data::batch& b) { windows += b.size(); };
    t.on_gradients = first_norm(squares);
    t.on_step = [&](const train::step_report&) { ++calls; };
    t.stop = [&] { return ++stops == 100; };
    train::mpi::run(t);
    CHECK(windows == 2 * few().train.size());
    CHECK(calls == 8);
    CHECK(stops == 8);
    trained(start, few_epochs(26, 1), nullptr, [&](auto& alone) { alone.on_gradients = first_norm(of_one); });
    CHECK(squares == doctest::Approx(of_one).epsilon(1e-4));
    windows = 0;
    t.run(); // without MPI, with the functions that were set
    CHECK(windows == 2 * few().train.size());
}

TEST_CASE("mpi: a warmed-up step allocates nothing") {
    for (const auto& how : {own_statistics, joint_statistics}) {
        std::size_t before = 0, after = 1;
        trained(make(student_config()), few_epochs(26, 2), &how, [&](auto& t) {
            t.on_step = [&](const train::step_report& s) {
                if (s.epoch == 2 && s.step == 2) before = allocations();
                if (s.epoch == 2 && s.step == 4) after = allocations();
            };
        });
        CHECK(after == before);
    }
}

TEST_CASE("mpi: a stop that one rank asks for ends all after the next step") {
    const std::size_t last = world().size() - 1;
    std::size_t steps = 0;
    const auto joint = trained(make(student_config()), few_epochs(26, 9), &own_statistics, [&](auto& t) {
        t.on_step = [&](const train::step_report&) { ++steps; };
        t.stop = [&] { return steps >= 5 && world().rank() == last; };
    });
    CHECK(steps == 6);
    CHECK(joint.result->history.size() == 2);
    CHECK(on_all_ranks(joint));
}

TEST_CASE("mpi: a training that diverges ends with the same error on every rank, and the next one runs") {
    training_options o = few_epochs(26, 9);
    o.lr = 1e12;
    network net = make(student_config());
    train::supervised objective;
    train::training t(net, objective, few().train, few().validation, few().normal, o);
    CHECK_RAISES(numeric_error, "loss or gradient at epoch", train::mpi::run(t));
    CHECK(on_all_ranks(numbers(net)));

    const plain_network start(generator(1));
    std::size_t batches = 0;
    const auto spoilt = [&](auto& training) { // not a number in the last row of one batch, which one rank computes
        training.on_batch = [&](data::batch& b) {
            if (++batches == 3) b.x.data()[b.x.size() - 1] = std::nanf("");
        };
    };
    CHECK_RAISES(numeric_error, "epoch 1, step 3 is nan", trained(start, few_epochs(26), &own_statistics, spoilt));
    CHECK(on_all_ranks(trained(start, few_epochs(26, 1), &own_statistics)));
}

TEST_CASE("mpi: ranks that differ are refused on every rank") {
    if (world().size() == 1) return;
    const std::size_t mine = world().rank();
    const auto refused = [&](std::string_view part, const plain_network& start, const training_options& o,
                             const data::windows& validation) {
        plain_network net = start;
        train::supervised objective;
        train::training t(net, objective, few().train, validation, few().normal, o);
        CHECK_RAISES(usage_error, part, train::mpi::run(t));
    };
    const plain_network start(generator(1));
    training_options o = few_epochs(26);
    o.seed = mine;
    refused("windows of a batch of rank 1 differ", start, o, few().validation);
    o = few_epochs(mine == 0 ? 26 : 52);
    refused("windows of a batch of rank 1 differ", start, o, few().validation);
    o = few_epochs(26);
    refused("parameters of rank 1 differ", plain_network(generator(mine)), o, few().validation);
    refused("scores of an epoch of rank", start, o,
            mine == 0 ? few().validation : few().validation.select({0, 9, 30}));
    o.lr = mine == 0 ? 1e-3 : 2e-3; // found in the second epoch, by parameters or score
    refused("rank 1 differ", start, o, few().validation);
}

TEST_CASE("mpi: an exception on one rank ends the training on all") {
    if (world().size() == 1) return;
    const std::size_t failing = world().size() - 1;
    const auto run_with = [&](auto set) {
        trained(plain_network(generator(1)), few_epochs(26, 4), &own_statistics, set);
    };
    const auto in_step = [&](auto& t) {
        t.on_step = [&](const train::step_report& s) {
            if (s.epoch == 2 && s.step == 2 && world().rank() == failing) throw std::runtime_error("disk full");
        };
    };
    const auto at_end = [&](auto& t) {
        t.on_epoch = [&](const train::epoch_report& r) {
            if (r.epoch == 4 && world().rank() == failing) throw std::runtime_error("disk full");
        };
    };
    const auto stops_alone = [&](auto& t) {
        t.add(train::early_stopping{.patience = world().rank() == failing ? 1000U : 1U});
    };
    if (world().rank() == failing) {
        CHECK_RAISES(std::runtime_error, "disk full", run_with(in_step));
        CHECK_RAISES(std::runtime_error, "disk full", run_with(at_end));
    } else {
        CHECK_RAISES(io_error, "rank " + std::to_string(failing) + " failed", run_with(in_step));
        CHECK_RAISES(io_error, "rank " + std::to_string(failing) + " failed", run_with(at_end));
    }
    training_options o = few_epochs(26, 40);
    o.lr = 1e-9; // the score does not change
    CHECK_RAISES(io_error, "expected all ranks to train together",
                 trained(plain_network(generator(1)), o, &own_statistics, stops_alone));
}

// Jobs that end by themselves: mpi_ends.sh runs each in a job of its own, and it must fail soon.
TEST_CASE("mpi: rank 1 is killed" * doctest::skip()) {
    trained(make(student_config()), few_epochs(26, 100000), &own_statistics, [](auto& t) {
        t.on_step = [](const train::step_report& s) {
            if (s.epoch == 2 && world().rank() == 1) std::raise(SIGKILL);
        };
    });
}
TEST_CASE("mpi: rank 1 fails within a step, where the others wait in a batch-norm" * doctest::skip()) {
    const train::mpi::options how{.synchronised_batch_norm = true, .grace = 1};
    trained(make(student_config()), few_epochs(26, 100000), &how, [](auto& t) {
        t.on_batch = [n = 0](data::batch&) mutable {
            if (++n == 3 && world().rank() == 1) throw std::runtime_error("out of memory");
        };
    });
}
TEST_CASE("mpi: an exception leaves the world on rank 1" * doctest::skip()) {
    try {
        const train::mpi::world owner; // the only one, so it ends MPI
        if (owner.rank() == 1) throw std::runtime_error("no such file");
        plain_network net(generator(1));
        train::supervised objective;
        train::training t(net, objective, few().train, few().validation, few().normal, few_epochs(26, 100000));
        train::mpi::run(t);
    } catch (const std::exception&) { FAIL("the job goes on"); }
}
TEST_CASE("mpi: without MPI running a training is refused" * doctest::skip()) {
    plain_network net(generator(1));
    train::supervised objective;
    train::training t(net, objective, few().train, few().validation, few().normal, few_epochs(26));
    CHECK_RAISES(usage_error, "MPI is not initialised", train::mpi::run(t));
}
