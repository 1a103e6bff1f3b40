// SPDX-License-Identifier: BSD-3-Clause
/// What distillation adds to a training step of har_student at batch 64, excluding the teacher's forward pass: the
/// teacher copies precomputed outputs, and its time is subtracted. One thread. For SMLDist the teacher returns the
/// principal components that are compared, as in `har`; in `whole_teacher` the losses project its features onto them.
///
///     bench_distill_step --benchmark_repetitions=5 --benchmark_enable_random_interleaving=true
///
/// Each step is followed by a plain supervised step of another network, so that both run under the same conditions. The
/// counters are the medians of both, in µs, and `extra`, their ratio minus 1.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "smldist/core/parallel.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/distill/baseline.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/distill/projected_teacher.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;
using network = model::network<float>;

namespace {

constexpr std::size_t batch_size = 64;

double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A teacher that returns the same outputs each time, written as by a forward pass; traced, it is the original network.
template <class Teacher> struct remembered {
    const Teacher* inner;
    outputs<tensor<float>> out;
    mutable double spent = 0; ///< seconds spent in this teacher

    outputs<tensor<float>> operator()(const tensor<float>&, mode) const {
        const double begin = seconds();
        outputs<tensor<float>> copy = out;
        spent += seconds() - begin;
        return copy;
    }
    outputs<symbol> operator()(const symbol& x, mode m = mode::eval) const { return (*inner)(x, m); }
};

struct setting {
    data::train_test set = data::synthetic({.users = 4, .test_users = 2, .seconds = 30});
    normaliser normal = data::fit_normaliser(set.train);
    network teacher, student;
    data::batch batch;
    remembered<network> answers{&teacher, {}};
    shape window{batch_size, set.train.length(), set.train.channels()};

    setting() {
        const auto make = [](std::string_view preset, std::uint64_t seed) {
            auto config = model::preset(preset);
            config.head = model::memory_head{};
            return network(config, generator(seed));
        };
        teacher = make("har_teacher", 1);
        train::supervised labels; // train the teacher a little, so that few components explain its feature
        auto o_teacher = options();
        o_teacher.epochs = 20;
        train::training<network, train::supervised>(teacher, labels, set.train, set.test, normal, o_teacher).run();
        student = make("har_student", 2);
        student.take_memory(teacher, model::memory_transfer::copy_slow);
        data::loader_options o;
        o.batch = batch_size;
        data::loader loader(set.train, o, normal, generator(3));
        loader.next(batch);
        answers.out = teacher(batch.x, mode::eval);
    }
    train::training_options options() const {
        train::training_options o;
        o.epochs = 1000000; // keeps the schedule at its start
        o.batch = batch_size;
        return o;
    }
};

setting& shared() {
    static setting s;
    return s;
}

/// Seconds of one step without those of the teacher.
template <class Training, class Teacher>
double time_of(Training& t, const data::batch& b, const remembered<Teacher>& teacher) {
    teacher.spent = 0;
    const double begin = seconds();
    t.step(b);
    return seconds() - begin - teacher.spent;
}
double median(std::vector<double> v) {
    std::nth_element(v.begin(), v.begin() + std::ptrdiff_t(v.size() / 2), v.end());
    return v[v.size() / 2];
}

template <class Objective, class Teacher>
void run(benchmark::State& state, Objective& objective, const remembered<Teacher>& teacher) {
    setting& s = shared();
    network net = s.student, plain_net = s.student;
    train::supervised labels;
    train::training<network, train::supervised> plain(plain_net, labels, s.set.train, s.set.test, s.normal,
                                                      s.options());
    train::training<network, Objective> t(net, objective, s.set.train, s.set.test, s.normal, s.options());
    for (int k = 0; k < 5; ++k) time_of(t, s.batch, teacher), time_of(plain, s.batch, teacher);
    std::vector<double> with, without;
    for (auto _ : state) {
        with.push_back(time_of(t, s.batch, teacher));
        without.push_back(time_of(plain, s.batch, teacher));
        state.SetIterationTime(with.back());
    }
    state.counters["median"] = 1e6 * median(with);
    state.counters["plain"] = 1e6 * median(without);
    state.counters["extra"] = median(with) / median(without) - 1;
}

void supervised(benchmark::State& state) {
    train::supervised labels;
    run(state, labels, shared().answers);
}

void smldist_losses(benchmark::State& state, const distill::distill_options& o, bool whole_teacher = false) {
    setting& s = shared();
    const distill::teacher_statistics plan = distill::calibrate(s.teacher, s.set.train, s.normal, o.stage);
    const auto by = [&](const auto& teacher, const distill::teacher_statistics& of_teacher) {
        distill::distiller objective(teacher, s.student, of_teacher, o, s.window, generator(4));
        run(state, objective, teacher);
    };
    if (whole_teacher) return by(s.answers, plan);
    const distill::projected_teacher answers(s.teacher, s.student, plan, o.stage, s.window);
    by(remembered<distill::projected_teacher<network>>{&answers, answers(s.batch.x)}, answers.statistics());
}

void baseline(benchmark::State& state, const std::string& name) {
    setting& s = shared();
    distill::baseline_distiller objective(s.answers, s.student, loss::baseline::method<float>(name), s.window,
                                          generator(4));
    run(state, objective, s.answers);
}

} // namespace

int main(int argc, char** argv) {
    set_threads(1);
    const auto add = [](const std::string& name, auto f) {
        benchmark::RegisterBenchmark(name.c_str(), f)
            ->Unit(benchmark::kMicrosecond)
            ->UseManualTime()
            ->Iterations(100);
    };
    add("supervised", supervised);
    distill::distill_options all, logits, plain;
    all.stage = loss::stage_options::frequency_aware();
    plain.stage = loss::stage_options::plain();
    logits.stage_first = logits.stage_last = logits.memory_weight = 0;
    add("smldist", [=](benchmark::State& s) { smldist_losses(s, all); });
    add("smldist/plain_stages", [=](benchmark::State& s) { smldist_losses(s, plain); });
    add("smldist/whole_teacher", [=](benchmark::State& s) { smldist_losses(s, all, true); });
    add("smldist/whole_teacher/plain_stages", [=](benchmark::State& s) { smldist_losses(s, plain, true); });
    add("smldist/logits_alone", [=](benchmark::State& s) { smldist_losses(s, logits); });
    for (const std::string name : {"hinton", "fitnets", "at", "sp", "rkd", "pkt", "dkd", "dist"})
        add("baseline/" + name, [name](benchmark::State& s) { baseline(s, name); });
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
