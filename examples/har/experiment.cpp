// SPDX-License-Identifier: BSD-3-Clause
#include "experiment.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "datasets.hpp"
#include "networks.hpp"
#include "own_recordings.hpp"
#include "pictures.hpp"
#include "recipe.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/data/normaliser.hpp"
#include "smldist/io/file.hpp"
#include "smldist/model/load.hpp"
#include "smldist/train/evaluate.hpp"

namespace har {

using namespace smldist;

namespace {

/// One line on stderr that names the classes of which one side of the split has no window.
void warn_of_missing_classes(const data::hold_out& split) {
    const auto text_of = [](const std::string& part, const data::windows& w) {
        std::string text;
        for (const auto& name : w.missing_classes())
            text += (text.empty() ? "no " + part + " window of " : ", ") + name;
        return text;
    };
    const std::string training = text_of("training", split.train),
                      validation = text_of("validation", split.validation);
    const char* const between = training.empty() || validation.empty() ? "" : "; ";
    if (!training.empty() || !validation.empty())
        std::fprintf(stderr, "warning: %s%s%s\n", training.c_str(), between, validation.c_str());
}

} // namespace

bool already_complete(const options& o) {
    if (!o.resume || !is_complete(o.out)) return false;
    remove_checkpoints(o.out);
    if (!o.quiet) std::fprintf(stderr, "the run in %s is complete\n", o.out.c_str());
    if (o.json) {
        for (const char* figures : {"/metrics.json", "/validation.json"})
            if (std::filesystem::exists(o.out + figures)) {
                const auto bytes = io::read_file(o.out + figures);
                std::printf("%.*s", static_cast<int>(bytes.size()), reinterpret_cast<const char*>(bytes.data()));
                break;
            }
    }
    return true;
}

std::size_t validation_people(const options& o, std::size_t training_people) {
    constexpr std::size_t usual = 4;
    if (o.validation_subjects > 0) return o.validation_subjects;
    return own_path(o.data).empty() ? usual : std::clamp<std::size_t>(training_people / 3, 1, usual);
}

experiment::experiment(const options& given)
    : experiment(
          given,
          [&] {
              return load_data(given, {subjects::train, subjects::test});
          },
          "") {}

experiment::experiment(const options& given, const std::function<data::train_test()>& load, std::string title_of_run)
    : o(given),
      weights(given.warm_start.empty() ? std::nullopt : std::optional<warm_start>(given.warm_start)),
      folder(o.out, o.force, o.resume, o.logs),
      set(load()),
      split(data::hold_out_subjects(set.train, validation_people(o, set.train.subjects().size()), o.seed)),
      normal(data::fit_normaliser(split.train, o.normaliser, published(o))),
      title(std::move(title_of_run)) {
    if (weights) o.run_text += weights->configuration();
    folder.keep("config.toml", o.config_text);
    set.test.check();
    split.train.check_trainable();
    result.set("seed", o.seed);
    result.set("seconds", 0.0); // known in the end
    if (o.quiet) return;
    warn_of_missing_classes(split);
    std::string subjects;
    for (const int s : split.validation_subjects) subjects += " " + set.train.info.subject_name(s);
    std::fprintf(stderr,
                 "data: %zu training windows, %zu of validation subjects%s, %zu of test subjects; seed %llu\n",
                 split.train.size(), split.validation.size(), printable(subjects).c_str(), set.test.size(),
                 static_cast<unsigned long long>(o.seed));
}

network experiment::make(const std::string& preset, std::uint64_t stream, std::size_t patterns) const {
    return network(architecture(o, preset, channel_count(), set.train.classes(), patterns),
                   generator(o.seed, stream));
}

network experiment::begin(const std::string& name, std::uint64_t stream, std::size_t patterns) {
    network net = make(o.preset, stream, patterns);
    if (weights) result.set("warm_start", weights->apply(net, title + name, o.quiet));
    return net;
}

window_size experiment::size(const std::vector<std::size_t>& student_channels) const {
    const std::size_t all = set.train.channels();
    return {set.train.length(), all, student_channels.empty() ? all : student_channels.size(), set.train.classes()};
}

train::training_options experiment::training(std::size_t epochs) const {
    auto t = training_of(o, epochs);
    t.channels = channels;
    return t;
}

io::model_facts experiment::facts() const {
    const data::signal_info info = set.train.info.select_channels(channels);
    io::model_facts f;
    f.normaliser = normal.select_channels(channels);
    f.window = set.train.length();
    f.hop = std::max<std::size_t>(1, f.window / 2);
    f.rate_hz = info.rate_hz;
    for (std::size_t c = 0; c < channel_count(); ++c) f.channels.push_back(info.channel_name(c));
    f.units = info.units;
    f.labels = info.labels;
    f.seed = o.seed;
    return f;
}

std::string experiment::file_of(const network& net) const {
    const auto bytes = model::to_bytes(net, facts(), data::select_channels(set.train.select({0}).x, channels));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

io::json experiment::describe(const network& net) const {
    return figures(net, set.train.length(), train::evaluate(net, set.test, normal, channels));
}

io::json experiment::test_together(const std::string& name, const distill::ensemble<network>& members) {
    trained_network together{name, train::predict(members, set.test, normal, channels), {}, 0, 0, 0, 0, 0};
    const auto end = metric::evaluate(set.test.label, set.test.subject, together.probabilities);
    matrices.emplace_back(name, end.counts);
    for (const network& net : members.members()) {
        together.parameters += parameter_count(net);
        together.macs += model::trace(net, set.train.length()).macs();
        together.bytes += file_of(net).size();
    }
    for (const trained_network& one : trained) together.seconds += one.seconds;
    io::json j = figures(end);
    j.set("parameters", together.parameters);
    j.set("macs", together.macs);
    trained.push_back(std::move(together));
    return j;
}

bool experiment::stopped_before(const std::string& next) {
    if (caught_signal && !stopped) stopped = {next, 0};
    return caught_signal != 0;
}

void experiment::save_epoch(const std::string& name, const network& net, const train::epoch_report& r, bool asked) {
    if (asked && folder.replaces())
        raise<interrupted>(o.out, "ended by ", signal_name(caught_signal), " in the first epoch of ", name,
                           "; the folder keeps the earlier run");
    std::vector<std::string> names{name + ".safetensors"};
    if (r.best) names.push_back(name + ".best.safetensors");
    folder.save(names, file_of(net));
    folder.log(name, r);
}

void experiment::save_last_good(const std::string& name, const network& net) {
    if (folder.replaces()) return;
    const std::string file = name + ".last_good.safetensors";
    folder.save({file}, file_of(net));
    if (!o.quiet)
        std::fprintf(stderr, "%s: kept the last good model as %s\n", name.c_str(), folder.file(file).c_str());
}

io::json experiment::save_result(const std::string& name, const network& net, const training_result& ended) {
    folder.write(name + ".safetensors", file_of(net)); // durable in any case
    folder.write(name + ".best.safetensors", file_of(ended.best));
    tensor<float> probabilities = train::predict(net, set.test, normal, channels);
    const auto end = metric::evaluate(set.test.label, set.test.subject, probabilities);
    matrices.emplace_back(name, end.counts);
    io::json j = figures(net, set.train.length(), end);
    j.set("validation_macro_f1", ended.history.back().validation.macro_f1);
    j.set("epochs", ended.history.size());
    j.set("seconds", ended.seconds);
    io::json at_best = figures(train::evaluate(ended.best, set.test, normal, channels));
    at_best.set("epoch", ended.best_epoch);
    j.set("best_on_validation", std::move(at_best));
    trained.push_back({name, std::move(probabilities), ended.history, ended.best_epoch, j.as_size("parameters"),
                       j.as_size("macs"), file_of(net).size(), ended.seconds});
    return j;
}

void experiment::save() {
    double seconds = 0;
    for (const auto& [name, value] : result.as_object())
        if (const io::json* its = value.find("seconds")) seconds += its->as_double();
    result.set("seconds", seconds);
    if (stopped) {
        result.set("interrupted", true);
        result.set("signal", signal_name(caught_signal));
        result.set("stopped_in", stopped->network);
        result.set("stopped_at_epoch", stopped->epoch);
        if (!o.quiet)
            std::fprintf(stderr, "stopped by %s in epoch %zu of %s; the results so far are in %s\n",
                         signal_name(caught_signal), stopped->epoch, stopped->network.c_str(), o.out.c_str());
    }
    if (!trained.empty()) folder.write("report.html", report_html(report()));
    std::vector<report_curve> curves;
    for (const trained_network& net : trained)
        if (!net.history.empty()) curves.push_back(curve_of(net, ""));
    const std::string pictures = draw(o.out, curves, matrices, set.train.info.labels);
    folder.write("metrics.json", result.dump() + "\n"); // last: it says that the run is complete
    if (!o.quiet) std::fprintf(stderr, "%s\n", pictures.c_str());
}

report_data experiment::report() const {
    report_data r;
    r.title = "smldist: " + trained.back().name + " on " + o.data.substr(0, o.data.find('='));
    const std::vector<int> people = set.test.subjects();
    r.facts = {{"data", o.data},
               {"training windows", std::to_string(split.train.size())},
               {"validation windows", std::to_string(split.validation.size())},
               {"test windows", std::to_string(set.test.size()) + " of " + std::to_string(people.size()) + " people"},
               {"window", std::to_string(set.train.length()) + " samples of " + std::to_string(set.train.channels()) +
                              " channels"},
               {"seed", std::to_string(o.seed)}};
    r.labels = set.test.info.labels;
    for (const int person : people) r.people.push_back(set.test.info.subject_name(person));
    const std::size_t classes = set.test.classes();
    method_results guess("majority", "the most frequent class of the training people", classes);
    guess.add(1, o.seed, set.test, majority(set.train, set.test));
    r.methods.push_back(guess.report(people));
    std::vector<method_results> methods;
    for (const trained_network& net : trained) {
        methods.emplace_back(net.name, "", classes);
        methods.back().add(1, o.seed, set.test, net);
        r.methods.push_back(methods.back().report(people));
        if (!net.history.empty()) r.curves.push_back(curve_of(net, ""));
    }
    for (std::size_t i = 0; i + 1 < methods.size(); ++i)
        for (auto& c : compare(methods[i], methods.back())) r.comparisons.push_back(std::move(c));
    const double rate = set.test.info.rate_hz;
    r.timelines = timelines(set.test, trained.back().probabilities, rate > 0 ? hop_seconds(o, set.test) : 1);
    return r;
}

void experiment::finish() {
    save();
    if (!stopped) remove_checkpoints(o.out);
    print_table(result);
    for (const auto& [name, counts] : matrices)
        std::printf("\n%s\n%s%s", name.c_str(), counts.table(set.train.info.labels).c_str(),
                    left_out(counts).c_str());
    if (o.json) std::printf("%s\n", result.dump().c_str());
}

} // namespace har
