// SPDX-License-Identifier: BSD-3-Clause
/// One experiment: the data, the networks trained on them, the files and the figures.
#ifndef HAR_EXPERIMENT_HPP
#define HAR_EXPERIMENT_HPP

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkpoints.hpp"
#include "failure.hpp"
#include "figures.hpp"
#include "options.hpp"
#include "plan.hpp"
#include "progress.hpp"
#include "results.hpp"
#include "run_folder.hpp"
#include "signals.hpp"
#include "smldist/data/split.hpp"
#include "smldist/distill/ensemble.hpp"
#include "smldist/io/bundle.hpp"
#include "smldist/train/loop.hpp"
#include "warm_start.hpp"

namespace har {

using network = smldist::model::network<float>;

/// How many of the training people are held out for validation: four, unless the options say it or recordings of one's own are
/// of few people.
std::size_t validation_people(const options& o, std::size_t training_people);

/// Whether --resume finds that the run in --out is complete; says so, and with --json prints its figures.
bool already_complete(const options& o);

/// Folder, data split by subject, normaliser fitted on the training part, and what is reported in the end.
struct experiment {
    options o;                         ///< of which --head becomes what a search has found
    std::optional<warm_start> weights; ///< that networks of --preset begin with; read before the folder is touched
    run_folder folder;                 ///< before the data, which take long to load
    smldist::data::train_test set;
    smldist::data::hold_out split;
    smldist::normaliser normal;
    std::vector<std::size_t> channels; ///< that the networks in hand see; empty: all
    smldist::io::json result;          ///< what --json prints and metrics.json holds
    std::vector<trained_network> trained;
    std::vector<std::pair<std::string, smldist::metric::confusion>> matrices;
    /// Where a signal ended the run: the network, and the epoch of its training, 0 before the first.
    struct place {
        std::string network;
        std::size_t epoch = 0;
    };
    std::optional<place> stopped;

    std::string title;         ///< of several experiments: precedes the names of networks in progress
    std::string kind;          ///< likewise: precedes them in the job, see plan.hpp
    std::shared_ptr<job> work; ///< what these trainings are part of; null: of this experiment, which makes its own

    /// Throws as run_folder and load_data; data_error when the data cannot be trained on.
    explicit experiment(const options& given);
    /// On other data, which are loaded once the run has its folder.
    experiment(const options& given, const std::function<smldist::data::train_test()>& load,
               std::string title_of_run);

    std::size_t channel_count() const { return channels.empty() ? set.train.channels() : channels.size(); }
    /// Two windows with all channels: what the teacher's program computes at a time, faster than one.
    smldist::shape window() const { return {2, set.train.length(), set.train.channels()}; }
    /// The same with the channels that the student sees.
    smldist::shape seen_window() const { return window().with(2, channel_count()); }

    /// A network with random weights from that stream of the seed; `patterns` as in architecture().
    network make(const std::string& preset, std::uint64_t stream, std::size_t patterns = 0) const;
    /// The network `name`, of --preset, with the weights of --warm-start if there are any.
    network begin(const std::string& name, std::uint64_t stream, std::size_t patterns = 0);
    /// The bytes of its model file.
    std::string file_of(const network& net) const;
    /// The figures of a network on the test subjects, with its size.
    smldist::io::json describe(const network& net) const;

    /// The figures of networks that answer together on the test subjects, with their size. Keeps the answers as those of a
    /// trained network of that name, without a history.
    smldist::io::json test_together(const std::string& name, const smldist::distill::ensemble<network>& members);

    /// Whether a signal asks to end before `next` is trained.
    bool stopped_before(const std::string& next);

    /// Of the data.
    window_size size(const std::vector<std::size_t>& student_channels = {}) const;

    /// What one training does differently.
    struct hooks {
        std::function<void(network&)> finish; ///< before the network is saved
        std::function<void(smldist::train::training_options&)> adjust;
    };

    /// Trains `net`. After every epoch NAME.safetensors is the network as it then is, NAME.best.safetensors the best so
    /// far; a head under search is still undecided in both. In the end looks at the test subjects: once.
    template <class Objective>
    smldist::io::json run(const std::string& name, network& net, Objective& objective, std::size_t epochs,
                          const hooks& around = {});

    /// Writes figures, pictures and the report.
    void save();
    /// Writes them, and prints the figures.
    void finish();

    /// The page report.html. Needs a trained network.
    report_data report() const;

private:
    using training_result = smldist::train::training_result<network>;

    smldist::io::model_facts facts() const;
    smldist::train::training_options training(std::size_t epochs) const;
    /// Saves the epoch's network and figures. Throws interrupted when a signal asks to end before the run has anything to keep.
    void save_epoch(const std::string& name, const network& net, const smldist::train::epoch_report& r, bool asked);
    /// After a training that diverged.
    void save_last_good(const std::string& name, const network& net);
    /// Saves and evaluates the networks of a training that has ended.
    smldist::io::json save_result(const std::string& name, const network& net, const training_result& ended);
};

template <class Objective>
smldist::io::json experiment::run(const std::string& name, network& net, Objective& objective, std::size_t epochs,
                                  const hooks& around) {
    auto t = training(epochs);
    if (around.adjust) around.adjust(t);
    smldist::train::training session(net, objective, split.train, split.validation, normal, t);
    if (!work) work = std::make_shared<job>();
    progress bar(*work, kind + name, title + name, epochs, o.quiet);
    checkpoints kept(folder, name, o.run_text + "# " + name + "\n", o.checkpoint_every);
    bool asked = false, complete = false;
    session.stop = [&] {
        if (!(asked = caught_signal != 0)) return false;
        kept.save(session);
        return true;
    };
    session.on_step = [&](const smldist::train::step_report& r) {
        bar.step(r);
        complete = r.epoch == r.epochs && r.step == r.steps;
        kept.after_step(session);
    };
    session.on_epoch = [&](const smldist::train::epoch_report& r) {
        save_epoch(name, session.current(), r, asked);
        bar.epoch(r);
        kept.after_epoch(session);
    };
    if constexpr (smldist::train::callback<Objective, smldist::train::state<network>>)
        session.add(objective); // a search of the head
    if (o.resume) {
        kept.load(session);
        folder.rewrite_logs(name, session.history());
    }
    std::optional<training_result> training;
    try {
        training = session.run();
    } catch (const smldist::numeric_error&) {
        save_last_good(name, net);
        throw;
    }
    if (asked && !complete) stopped = {name, training->history.size()};
    if (around.finish) around.finish(net);
    if (around.finish) around.finish(training->best);
    return save_result(name, net, *training);
}

} // namespace har

#endif
