// SPDX-License-Identifier: BSD-3-Clause
/// Data-parallel training: the processes of an MPI job (ranks) compute each step of one training together. Optional:
/// smldist.hpp does not include it, and it needs an MPI, such as Open MPI. docs/distributed.md tells how to compile and run.
#ifndef SMLDIST_TRAIN_MPI_HPP
#define SMLDIST_TRAIN_MPI_HPP

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <mpi.h>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "smldist/autograd/tape.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/data/loader.hpp"
#include "smldist/op/batch_share.hpp"
#include "smldist/train/loop.hpp"

namespace smldist::train::mpi {
SMLDIST_NAMESPACE_BEGIN

struct options {
    /// Batch-norm takes its statistics over the joint batch, in one more message per batch-norm and pass. Without it each
    /// rank's share has statistics of its own, as with a smaller batch.
    bool synchronised_batch_norm = false;
    double grace = 5; ///< seconds that a rank which failed waits for the others, before it ends the job
};

namespace detail {

/// Waits until the other ranks have joined a collective operation too; if they have not after `seconds`, ends the job.
inline void complete_or_abort(MPI_Request& request, double seconds, std::string_view what) {
    using clock = std::chrono::steady_clock;
    const auto end = clock::now() + std::chrono::duration<double>(seconds);
    for (int done = 0;;) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (done) return;
        if (clock::now() > end) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    std::fprintf(stderr, "train::mpi: rank %d ends the job, since the others wait for it: %.*s\n", rank,
                 static_cast<int>(what.size()), what.data());
    MPI_Abort(MPI_COMM_WORLD, 1);
}

} // namespace detail

/// MPI from its start to its end; make one first in main. If MPI runs already, it is left running.
///
///     int main() try {
///         const train::mpi::world world;
///         …
///     } catch (const error& e) {
///         std::fprintf(stderr, "%s\n", e.what());
///         return 1;
///     }
///
/// An exception that leaves its scope on one rank ends the job within seconds; without an exception the end waits for all.
class world {
public:
    world() : exceptions_(std::uncaught_exceptions()) {
        int running = 0, provided = 0;
        MPI_Initialized(&running);
        owner_ = running == 0;
        if (owner_) MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
        MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
        MPI_Comm_size(MPI_COMM_WORLD, &size_);
        if (owner_) MPI_Comm_dup(MPI_COMM_WORLD, &ending_);
    }
    ~world() {
        if (!owner_) return;
        if (std::uncaught_exceptions() > exceptions_) {
            MPI_Request request{};
            MPI_Ibarrier(ending_, &request);
            detail::complete_or_abort(request, options{}.grace, "an exception left the program");
        }
        MPI_Comm_free(&ending_);
        MPI_Finalize();
    }
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    std::size_t rank() const { return static_cast<std::size_t>(rank_); } ///< of this process, from 0
    std::size_t size() const { return static_cast<std::size_t>(size_); } ///< number of processes
    bool root() const { return rank_ == 0; }                             ///< the rank that writes files and reports

private:
    int exceptions_, rank_ = 0, size_ = 1;
    bool owner_ = false;
    MPI_Comm ending_{}; ///< of its own, so that the end is not taken for an operation in which the others wait
};

namespace detail {

/// 52 bits of the FNV-1a hash of numbers, as a whole number in double.
class fingerprint {
public:
    template <class T> void add(const T* values, std::size_t n) {
        static_assert(sizeof(T) == sizeof(std::uint32_t));
        for (std::size_t i = 0; i < n; ++i) {
            std::uint32_t word;
            std::memcpy(&word, values + i, sizeof word);
            hash_ = (hash_ ^ word) * 0x100000001B3u;
        }
    }
    double value() const { return static_cast<double>(hash_ >> 12); }

private:
    std::uint64_t hash_ = 0xCBF29CE484222325u;
};

/// This rank's part in a training of all ranks: what the functions of a training call.
class joint_training {
public:
    enum class status : int { step, ended, failed };

    explicit joint_training(const options& o) : options_(o) {
        int rank = 0, size = 1;
        MPI_Comm_rank(MPI_COMM_WORLD, &rank);
        MPI_Comm_size(MPI_COMM_WORLD, &size);
        rank_ = static_cast<std::size_t>(rank);
        size_ = static_cast<std::size_t>(size);
        MPI_Comm_dup(MPI_COMM_WORLD, &steps_);
        MPI_Comm_dup(MPI_COMM_WORLD, &norms_);
        headers_.resize(size_);
        weights_.resize(size_);
        counts_.resize(size_);
        offsets_.resize(size_ + 1);
        received_counts_.resize(size_);
        received_offsets_.resize(size_);
    }
    ~joint_training() {
        op::current_share() = nullptr;
        MPI_Comm_free(&norms_);
        MPI_Comm_free(&steps_);
    }
    joint_training(const joint_training&) = delete;
    joint_training& operator=(const joint_training&) = delete;

    /// Leaves this rank's share of the joint batch. A share has at least two rows, since batch-norm needs them; in a batch
    /// that is too small for that, the last ranks compute two rows that do not count.
    void take_share(data::batch& b) {
        const std::size_t joint = b.size(), parts = std::min(size_, joint / 2);
        if (first_of_epoch_) {
            fingerprint f;
            f.add(b.x.data(), b.x.size());
            f.add(b.label.data(), b.label.size());
            f.add(b.target.data(), b.target.size());
            mine_.batch = f.value();
        }
        const auto begin = [&](std::size_t rank) { return joint * std::min(rank, parts) / parts; };
        for (std::size_t k = 0; k < size_; ++k) weights_[k] = double(begin(k + 1) - begin(k)) / double(joint);
        const bool counts = rank_ < parts;
        share_ = {.first = counts ? begin(rank_) : 0, .weight = counts ? 1.0 : 0.0};
        data::copy_rows(b, share_.first, counts ? begin(rank_ + 1) : 2, rows_);
        std::swap(b, rows_);
        if (options_.synchronised_batch_norm) {
            share_.sum = [](void* self, double* values, std::size_t n) {
                static_cast<joint_training*>(self)->sum(values, n);
            };
            share_.context = this;
        }
        op::current_share() = &share_;
    }

    /// Makes gradients, terms and noted statistics those of the joint batch, the same bits on every rank.
    void join(tape<float>& t, loss_terms& terms) {
        op::current_share() = nullptr;
        std::size_t gradients = 0, notes = 0;
        t.for_each_gradient([&](const tensor<float>&, tensor<float>& g) { gradients += g.size(); });
        t.for_each_note([&](const tensor<float>& value, tape<float>::noted) { notes += value.size(); });
        describe(t, terms, gradients, notes);
        exchange();
        for (std::size_t k = 0; k < size_; ++k) {
            if (headers_[k].status != double(status::step)) lost(k);
            require_same(k);
        }
        loss_terms joint;
        joint.total = weighted([&](std::size_t k) { return headers_[k].total; });
        std::size_t i = 0;
        for (const auto& [name, value] : terms) {
            joint.add(name, weighted([&](std::size_t k) { return headers_[k].terms[i]; }));
            ++i;
        }
        terms = joint;
        join_notes(t, notes);
        join_gradients(t, gradients);
        stopping_ = std::any_of(headers_.begin(), headers_.end(), [](const header& h) { return h.stop != 0; });
        first_of_epoch_ = false;
    }

    void epoch_ended(double score) {
        mine_.score = score;
        first_of_epoch_ = true;
    }

    /// Whether all ranks stop, when this one wishes to or not: all learn of a wish in the next step.
    bool stopping(bool wish) {
        if (wish) mine_.stop = 1;
        return stopping_;
    }

    /// Tells the others that this rank has ended, by the end of its training or by an exception.
    void leave(status how, std::string_view what) {
        if (left_) return;
        left_ = true;
        mine_.status = double(how);
        MPI_Request request = start_exchange();
        if (how == status::failed)
            complete_or_abort(request, options_.grace, what);
        else
            MPI_Wait(&request, MPI_STATUS_IGNORE);
        for (std::size_t k = 0; k < size_; ++k)
            if (how == status::ended && headers_[k].status != mine_.status) lost(k);
    }

private:
    /// What the ranks tell each other in every step, and when they leave. Whole numbers are exact in double.
    struct header {
        double status = 0, stop = 0, score = 0, batch = 0, parameters = 0, gradients = 0, notes = 0, term_count = 0;
        double total = 0;
        std::array<double, loss_terms::capacity> terms{};
    };
    static constexpr int header_doubles = sizeof(header) / sizeof(double);

    void describe(tape<float>& t, const loss_terms& terms, std::size_t gradients, std::size_t notes) {
        if (first_of_epoch_) {
            fingerprint f;
            t.for_each_gradient(
                [&](const tensor<float>& value, tensor<float>&) { f.add(value.data(), value.size()); });
            mine_.parameters = f.value();
        }
        mine_.gradients = double(gradients);
        mine_.notes = double(notes);
        mine_.term_count = double(terms.size());
        mine_.total = terms.total;
        std::size_t i = 0;
        for (const loss_terms::term& term : terms) mine_.terms[i++] = term.value;
    }

    MPI_Request start_exchange() {
        MPI_Request request{};
        MPI_Iallgather(&mine_, header_doubles, MPI_DOUBLE, headers_.data(), header_doubles, MPI_DOUBLE, steps_,
                       &request);
        return request;
    }
    void exchange() {
        MPI_Request request = start_exchange(); // as in leave(): a blocking call would not match it
        MPI_Wait(&request, MPI_STATUS_IGNORE);
    }

    [[noreturn]] void lost(std::size_t rank) {
        left_ = true;
        raise<io_error>("train::mpi::run", "rank ", rank,
                        headers_[rank].status == double(status::failed) ? " failed" : " is at another step",
                        ", expected all ranks to train together");
    }
    void require_same(std::size_t rank) {
        const header &got = headers_[rank], &want = headers_[0];
        const auto differs = [&](std::string_view what, double header::*field) {
            if (got.*field == want.*field) return;
            left_ = true; // every rank raises this error
            raise<usage_error>("train::mpi::run", what, " of rank ", rank,
                               " differ from those of rank 0, expected the ",
                               "same data, options and seeds on every rank");
        };
        differs("windows of a batch", &header::batch);
        differs("parameters", &header::parameters);
        differs("numbers of gradients", &header::gradients);
        differs("numbers of running statistics", &header::notes);
        differs("terms of the loss", &header::term_count);
        differs("scores of an epoch", &header::score);
    }

    /// Σ_k w_k f(k) over the ranks that have rows, in their order.
    template <class F> double weighted(F f) const {
        double sum = 0;
        for (std::size_t k = 0; k < size_; ++k)
            if (weights_[k] > 0) sum += weights_[k] * f(k);
        return sum;
    }

    /// Running statistics: mean and variance of the rows of all ranks, as optim::average_models pools them.
    void join_notes(tape<float>& t, std::size_t count) {
        notes_.resize(count);
        all_notes_.resize(count * size_);
        std::size_t at = 0;
        t.for_each_note([&](const tensor<float>& value, tape<float>::noted) {
            for (const float v : value) notes_[at++] = v;
        });
        const int n = static_cast<int>(count);
        MPI_Allgather(notes_.data(), n, MPI_FLOAT, all_notes_.data(), n, MPI_FLOAT, steps_);
        const auto noted = [&](std::size_t k, std::size_t i) { return double(all_notes_[k * count + i]); };
        std::size_t mean_at = at = 0;
        t.for_each_note([&](tensor<float>& value, tape<float>::noted kind) {
            const bool variance = kind == tape<float>::noted::variance;
            for (std::size_t i = 0; i < value.size(); ++i) {
                const double centre = variance ? weighted([&](std::size_t k) { return noted(k, mean_at + i); }) : 0;
                value[i] = static_cast<float>(weighted([&](std::size_t k) {
                    const double distance = variance ? noted(k, mean_at + i) - centre : 0;
                    return noted(k, at + i) + distance * distance;
                }));
            }
            mean_at = at;
            at += value.size();
        });
    }

    /// An all-reduce with a fixed order: rank j receives part j of the gradients from every rank, takes their mean in the
    /// order of the ranks, and sends it to all. Which algorithms the MPI chooses for the two messages changes no bit.
    void join_gradients(tape<float>& t, std::size_t count) {
        gradients_.resize(count);
        std::size_t at = 0;
        t.for_each_gradient([&](const tensor<float>&, tensor<float>& g) {
            std::copy(g.begin(), g.end(), gradients_.begin() + static_cast<std::ptrdiff_t>(at));
            at += g.size();
        });
        for (std::size_t k = 0; k <= size_; ++k) offsets_[k] = static_cast<int>(count * k / size_);
        for (std::size_t k = 0; k < size_; ++k) counts_[k] = offsets_[k + 1] - offsets_[k];
        const auto n = static_cast<std::size_t>(counts_[rank_]);
        for (std::size_t k = 0; k < size_; ++k) {
            received_counts_[k] = static_cast<int>(n);
            received_offsets_[k] = static_cast<int>(n * k);
        }
        received_.resize(n * size_);
        MPI_Alltoallv(gradients_.data(), counts_.data(), offsets_.data(), MPI_FLOAT, received_.data(),
                      received_counts_.data(), received_offsets_.data(), MPI_FLOAT, steps_);
        float* const mine = gradients_.data() + offsets_[rank_];
        for (std::size_t i = 0; i < n; ++i)
            mine[i] = static_cast<float>(weighted([&](std::size_t k) { return double(received_[k * n + i]); }));
        MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, gradients_.data(), counts_.data(), offsets_.data(),
                       MPI_FLOAT, steps_);
        at = 0;
        t.for_each_gradient([&](const tensor<float>&, tensor<float>& g) {
            std::copy_n(gradients_.data() + at, g.size(), g.data());
            at += g.size();
        });
    }

    /// Sums of batch-norm, in the order of the ranks.
    void sum(double* values, std::size_t n) {
        sums_.resize(n * size_);
        const int count = static_cast<int>(n);
        MPI_Allgather(values, count, MPI_DOUBLE, sums_.data(), count, MPI_DOUBLE, norms_);
        for (std::size_t i = 0; i < n; ++i) {
            values[i] = 0;
            for (std::size_t k = 0; k < size_; ++k) values[i] += sums_[k * n + i];
        }
    }

    options options_;
    std::size_t rank_ = 0, size_ = 1;
    MPI_Comm steps_{}, norms_{}; ///< two, so that a rank which fails in a step is not taken for one in a batch-norm
    op::batch_share share_;
    data::batch rows_;            ///< of the share; then the joint batch, whose memory the next share takes
    std::vector<double> weights_; ///< of the ranks in this step: their part of the joint batch
    header mine_;
    std::vector<header> headers_; ///< of all ranks
    bool first_of_epoch_ = true, stopping_ = false, left_ = false;
    std::vector<float> notes_, all_notes_, gradients_, received_;
    std::vector<int> counts_, offsets_, received_counts_, received_offsets_;
    std::vector<double> sums_;
};

} // namespace detail

/// Runs a training on all ranks together. Every rank makes the same training (windows, options, seeds, network) and calls
/// this in place of t.run(); options.batch is the joint batch.
///
///     const train::mpi::world world;
///     set_threads(1);                                          // of each rank; the default is the cores to which it is bound
///     …                                                        // data and network, as in a program without MPI
///     train::training t(net, objective, train, validation, normal, options);
///     const auto result = train::mpi::run(t, {.synchronised_batch_norm = true});
///     if (world.root()) model::save(…);
///
/// Each step: every rank draws the joint batch, with the order and the augmentation of one process, and computes its share
/// of the rows: rank r of p has the rows from B r/p to B (r+1)/p, at least two. Gradients and terms of the loss are
/// averaged, weighted by rows; running statistics are pooled as optim::average_models does. Then all ranks make the same
/// optimiser's step, so networks, averages and reports are the same bits on every rank. Validation is computed by every
/// rank alike.
///
///     g = Σ_r b_r/B g_r,   summed in double in the order of the ranks
///
/// Equal numbers of ranks give equal bits, whatever the number of threads; one rank gives those of t.run(). With
/// synchronised_batch_norm, or without batch-norm, the losses are those of one process up to rounding. An objective that
/// compares the windows of a batch with each other compares those of a share.
///
/// Callbacks and functions run on every rank and must do the same on each, apart from writing files. on_batch gets the joint
/// batch, on_gradients the averaged gradients. A stop that any rank asks for by `stop` is obeyed by all after the next step.
///
/// Throws     on every rank: what t.run() throws for options, data and divergence; usage_error when the ranks differ in data,
///            network or options; io_error when another rank left the training. If the others wait in an operation that a
///            failed rank never reaches, that rank ends the job after options.grace, with MPI_Abort and a message on stderr. A
///            rank that is killed is for the launcher to notice; mpirun ends the job.
///            usage_error when MPI is not initialised.
template <class Network, class Objective>
training_result<Network> run(training<Network, Objective>& t, const options& o = {}) {
    int running = 0;
    MPI_Initialized(&running);
    if (!running)
        raise<usage_error>("train::mpi::run", "MPI is not initialised, expected a train::mpi::world in main");
    run_functions own = t;
    struct restore {
        run_functions &functions, &own;
        ~restore() { functions = std::move(own); }
    } const at_end{t, own};

    detail::joint_training joint(o);
    using status = detail::joint_training::status;
    t.on_batch = [&](data::batch& b) {
        if (own.on_batch) own.on_batch(b);
        joint.take_share(b);
    };
    t.on_gradients = [&](tape<float>& tape, loss_terms& terms) {
        joint.join(tape, terms);
        if (own.on_gradients) own.on_gradients(tape, terms);
    };
    t.on_epoch = [&](const epoch_report& r) {
        joint.epoch_ended(r.score);
        if (own.on_epoch) own.on_epoch(r);
    };
    t.stop = [&] { return joint.stopping(own.stop && own.stop()); };
    try {
        auto result = t.run();
        joint.leave(status::ended, "");
        return result;
    } catch (const std::exception& e) {
        joint.leave(status::failed, e.what());
        throw;
    } catch (...) {
        joint.leave(status::failed, "an exception of an unknown type");
        throw;
    }
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train::mpi

#endif
