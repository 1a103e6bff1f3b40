// SPDX-License-Identifier: BSD-3-Clause
/// Checks that a training goes on from its checkpoints bit for bit.
#ifndef SMLDIST_TESTS_TRAIN_RESUMING_HPP
#define SMLDIST_TESTS_TRAIN_RESUMING_HPP

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "smldist/train/checkpoint.hpp"
#include "smldist/train/loop.hpp"
#include "train/tiny.hpp"

/// An empty folder that is removed at the end of the test.
class scratch_folder {
public:
    scratch_folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "smldist-train-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    ~scratch_folder() { std::filesystem::remove_all(path_); }
    std::string operator/(std::string_view name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// Everything but the time.
inline void check_equal(const smldist::train::training_result<network>& a,
                        const smldist::train::training_result<network>& b) {
    CHECK(same_bits(a.best, b.best));
    CHECK(a.best_epoch == b.best_epoch);
    REQUIRE(a.history.size() == b.history.size());
    for (std::size_t e = 0; e < a.history.size(); ++e) {
        CAPTURE(e);
        const auto &x = a.history[e], &y = b.history[e];
        CHECK(x.epoch == y.epoch);
        CHECK(x.train.total == y.train.total);
        REQUIRE(x.train.size() == y.train.size());
        for (const auto *p = x.train.begin(), *q = y.train.begin(); p != x.train.end(); ++p, ++q) {
            CHECK(p->name == q->name);
            CHECK(p->value == q->value);
        }
        CHECK(x.lr == y.lr);
        CHECK(x.score == y.score);
        CHECK(x.best == y.best);
        CHECK(x.validation.counts == y.validation.counts);
        CHECK(x.validation.macro_f1 == y.validation.macro_f1);
        CHECK(x.validation.subject_f1 == y.validation.subject_f1);
        CHECK(x.validation.calibration_error == y.validation.calibration_error);
    }
}

/// Which of the checkpoints of a training are tried: one after each step, then one after the epoch.
enum places { every_place, some_places };

/// Trains the network make_network(0) for the objective that make_objective(net) returns, with a checkpoint after every step and
/// every epoch. From each of those that are tried, make_network(9), with other weights, must end with the same bits.
template <class MakeNetwork, class MakeObjective>
void check_resume(MakeNetwork make_network, MakeObjective make_objective, const smldist::train::training_options& o,
                  places which) {
    using objective_type = decltype(make_objective(std::declval<network&>()));
    using session = smldist::train::training<network, objective_type>;
    const auto trained = [&](network& net, auto&& prepare) {
        objective_type objective = make_objective(net);
        session t(net, objective, few().train, few().validation, few().normal, o);
        if constexpr (smldist::train::callback<objective_type, smldist::train::state<network>>) t.add(objective);
        prepare(t);
        return t.run();
    };
    network whole = make_network(0);
    std::vector<smldist::io::byte_vector> saved;
    std::vector<std::size_t> steps_left;
    std::size_t steps = 0;
    const auto expected = trained(whole, [&](session& t) {
        t.on_step = [&](const auto&) {
            ++steps;
            saved.push_back(smldist::train::checkpoint_bytes(t));
            steps_left.push_back(steps);
        };
        t.on_epoch = [&](const auto&) {
            saved.push_back(smldist::train::checkpoint_bytes(t));
            steps_left.push_back(steps);
        };
    });
    for (std::size_t i = 0; i < saved.size(); i += which == every_place ? 1 : 3) {
        CAPTURE(i);
        network net = make_network(9);
        std::size_t made = 0;
        const auto result = trained(net, [&](session& t) {
            t.on_step = [&](const auto&) { ++made; };
            smldist::train::restore_checkpoint(t, saved[i]);
        });
        CHECK(made == steps - steps_left[i]);
        check_equal(result, expected);
        CHECK(same_bits(net, whole));
    }
}

#endif
