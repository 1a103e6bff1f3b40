// SPDX-License-Identifier: BSD-3-Clause
/// The functions of train/checkpoint.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/core/error.hpp"
#include "smldist/io/sealed.hpp"
#include "smldist/io/sha256.hpp"

#if SMLDIST_THREADS
#include <mutex>
#endif

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

inline constexpr std::string_view checkpoint_format = "smldist checkpoint", checkpoint_version = "1";

io::byte_vector checkpoint_bytes(const archive& a, std::string_view configuration) {
    return io::write_sealed(a.tensors(), {{"format", std::string(checkpoint_format)},
                                          {"format_version", std::string(checkpoint_version)},
                                          {"created_by", "smldist " SMLDIST_VERSION_STRING},
                                          {"configuration", std::string(configuration)}});
}

io::safetensors_file read_checkpoint(io::byte_vector bytes, std::string_view configuration) {
    io::safetensors_file file = io::safetensors_file::parse(std::move(bytes));
    io::check_seal(file, checkpoint_format, checkpoint_version, "checkpoint");
    const std::string& saved = io::metadata_entry(file, "configuration", "checkpoint");
    if (saved != configuration) {
        std::size_t at = 0;
        while (at < saved.size() && at < configuration.size() && saved[at] == configuration[at]) ++at;
        const auto line = [at](std::string_view text) {
            const std::size_t begin = at == 0 ? text.npos : text.rfind('\n', at - 1);
            text.remove_prefix(begin == text.npos ? 0 : begin + 1);
            return text.substr(0, text.find('\n'));
        };
        raise<usage_error>("checkpoint", "configuration is ", io::quote(line(configuration)), ", expected ",
                           io::quote(line(saved)), " as when it was saved");
    }
    return file;
}

/// A text that lives as long as the program: the names of loss terms are not copied.
inline std::string_view interned(const std::string& text) {
    static std::set<std::string, std::less<>> all;
#if SMLDIST_THREADS
    static std::mutex guard;
    const std::lock_guard lock(guard);
#endif
    return *all.insert(text).first;
}

/// Reports and loss terms as one list of numbers, written or read in order; names stand in a list of their own.
class number_list {
public:
    std::vector<double> numbers;
    std::vector<std::string> names;

    explicit number_list(bool reading) : reading_(reading) {}

    void operator()(double& x) {
        if (!reading_) return numbers.push_back(x);
        if (at_ == numbers.size()) raise<data_error>("checkpoint", "reports end after ", at_, " numbers");
        x = numbers[at_++];
    }
    template <class T> void whole(T& x) {
        double value = static_cast<double>(x);
        (*this)(value);
        if (!(value >= -0x1p53 && value <= 0x1p53) || value != double(static_cast<std::int64_t>(value)))
            raise<data_error>("checkpoint", "a count of a report is ", value, ", expected a whole number");
        x = static_cast<T>(static_cast<std::int64_t>(value));
    }
    /// The number of elements that follow, each of at least one number.
    std::size_t length(std::size_t n) {
        whole(n);
        if (reading_ && n > numbers.size() - at_)
            raise<data_error>("checkpoint", "a report has ", n, " elements, expected at most ", numbers.size() - at_);
        return n;
    }
    void operator()(loss_terms& x) {
        loss_terms read;
        (*this)(x.total);
        read.total = x.total;
        const auto* term = x.begin();
        for (std::size_t i = 0, n = length(x.size()); i < n; ++i) {
            std::size_t name = names.size();
            double value = 0;
            if (!reading_) {
                for (std::size_t k = 0; k < names.size() && name == names.size(); ++k)
                    if (names[k] == term->name) name = k;
                if (name == names.size()) names.emplace_back(term->name);
                value = term++->value;
            }
            whole(name);
            (*this)(value);
            if (name >= names.size())
                raise<data_error>("checkpoint", "a loss term has name ", name, ", expected below ", names.size());
            if (reading_) read.add(interned(names[name]), value);
        }
        if (reading_) x = read;
    }
    void operator()(metric::evaluation& x) {
        const std::size_t K = x.counts.classes(), cells = length(K * K);
        std::size_t classes = 0;
        while (classes * classes < cells) ++classes;
        if (classes * classes != cells)
            raise<data_error>("checkpoint", "a confusion matrix has ", cells, " cells, expected a square");
        metric::confusion read(classes);
        for (std::size_t n = 0; n < classes; ++n)
            for (std::size_t m = 0; m < classes; ++m) {
                std::uint64_t count = reading_ ? 0 : x.counts(n, m);
                whole(count);
                read.add(static_cast<int>(n), static_cast<int>(m), count);
            }
        x.counts = std::move(read);
        (*this)(x.accuracy);
        (*this)(x.macro_f1);
        whole(x.absent_classes);
        (*this)(x.worst_subject_f1);
        whole(x.worst_subject);
        x.subject_f1.resize(length(x.subject_f1.size()));
        for (auto& [subject, f1] : x.subject_f1) {
            whole(subject);
            (*this)(f1);
        }
        std::size_t calibrated = x.calibration_error ? 1 : 0;
        whole(calibrated);
        if (calibrated == 0) return x.calibration_error.reset();
        double error = x.calibration_error.value_or(0);
        (*this)(error);
        x.calibration_error = error;
    }
    void operator()(epoch_report& x) {
        whole(x.epoch);
        (*this)(x.train);
        (*this)(x.lr);
        (*this)(x.validation);
        (*this)(x.score);
        std::size_t best = x.best ? 1 : 0;
        whole(best);
        x.best = best != 0;
        (*this)(x.seconds);
    }

    static void visit_state(number_list& self, auto&& member) {
        member("numbers", self.numbers);
        member("names", self.names);
    }

private:
    bool reading_;
    std::size_t at_ = 0;
};

/// The SHA-256 of windows and normaliser.
inline std::string digest_of(const data::windows& train, const data::windows& validation, const normaliser& normal) {
    io::sha256 hash;
    const auto add = [&hash](const auto& list) {
        hash.update(std::to_string(list.size()) + ' ').update(std::as_bytes(std::span(list.data(), list.size())));
    };
    for (const data::windows* w : {&train, &validation}) {
        add(w->x);
        add(w->label);
        add(w->target);
        add(w->subject);
    }
    for (const auto* values : {&normal.offset, &normal.scale, &normal.low, &normal.high}) add(*values);
    return hash.hex();
}

/// The options on which a training's numbers depend.
inline void check_same(archive& a, const training_options& o) {
    a.same("epochs", double(o.epochs));
    a.same("batch", double(o.batch));
    a.same("accumulate", double(o.accumulate));
    a.same("lr", o.lr);
    a.same("weight_decay", o.weight_decay);
    a.same("optimiser", name_of(o.optimiser));
    a.same("schedule", name_of(o.schedule.kind));
    a.same("restart_epochs", double(o.schedule.restart_epochs));
    a.same("restart_mult", double(o.schedule.restart_mult));
    const optim::plateau_options& p = o.schedule.plateau;
    a.same("plateau_mode", p.mode == optim::plateau_options::direction::max ? "max" : "min");
    a.same("plateau_factor", p.factor);
    a.same("plateau_patience", double(p.patience));
    a.same("plateau_threshold", p.threshold);
    a.same("plateau_threshold_mode",
           p.threshold_mode == optim::plateau_options::measure::relative ? "relative" : "absolute");
    a.same("plateau_cooldown", double(p.cooldown));
    a.same("plateau_min_lr", p.min_lr);
    a.same("plateau_eps", p.eps);
    a.same("plateau_on_last_loss", double(o.plateau_on_last_loss));
    a.same("clip", o.clip);
    a.same("patience", double(o.patience));
    a.same("ema", o.ema);
    a.same("swa_epochs", double(o.swa_epochs));
    a.same("balanced", double(o.balanced));
    a.same("seed", std::to_string(o.seed));
    const data::augment_options& g = o.augment;
    a.same("time_warp", g.time_warp);
    a.same("time_warp_sd", g.time_warp_sd);
    a.same("rotation", g.rotation);
    a.same("rotation_degrees", g.rotation_degrees);
    a.same("scaling", g.scaling);
    a.same("scaling_sd", g.scaling_sd);
    a.same("jitter", g.jitter);
    a.same("jitter_sd", g.jitter_sd);
    a.same("mask", g.mask);
    a.same("normalised_domain", double(g.normalised_domain));
    a.same("mixup", o.mixup);
    std::string channels;
    for (const std::size_t c : o.channels) (channels += channels.empty() ? "" : " ") += std::to_string(c);
    a.same("channels", channels);
    a.same("memory", name_of(o.memory));
    a.same("metric", o.metric.name);
}

void epoch_loop::checkpoint_epochs(archive& a) {
    a.within("options", [&] { check_same(a, options_); });
    if (data_.empty()) data_ = digest_of(train_, validation_, normal_);
    std::string saved = data_;
    a("hash_of_windows", saved);
    if (saved != data_)
        raise<usage_error>("checkpoint", "windows or normaliser (hash ", data_,
                           ") are not those of the saved training (hash ", saved, "), expected the same data");
    run_state& now = *now_;
    a("epoch", now.epoch);
    a("step", now.step);
    a("steps", step_);
    a("lr", now.lr);
    a("momentum", now.momentum);
    a("best_epoch", now.best_epoch);
    a("best_score", best_score_);
    a("moved", now.moved);
    a("stopping", now.stopping);
    a("in_epoch", in_epoch_);
    a("first_loss", reference_);
    a("epoch_windows", windows_);
    double seconds_of_all = seconds(), seconds_of_epoch = epoch_seconds();
    a("seconds", seconds_of_all);
    a("epoch_seconds", seconds_of_epoch);

    number_list list(a.restoring());
    if (a.restoring()) a("reports", list);
    list(now.terms);
    list(sum_);
    list(now.report);
    history_.resize(list.length(history_.size()));
    for (epoch_report& r : history_) list(r);
    if (!a.restoring()) a("reports", list);

    if (in_epoch_ || !finished()) {
        a("optimiser", optimiser_);
        a("schedule", schedule_);
        a("random", tape_.random());
    }
    if (!a.restoring()) return;
    if (now.epoch > options_.epochs || now.step > steps_)
        raise<data_error>("checkpoint", "epoch and step are ", now.epoch, " and ", now.step, ", expected at most ",
                          options_.epochs, " and ", steps_);
    if (history_.size() + (in_epoch_ ? 1 : 0) != now.epoch || now.best_epoch > history_.size() ||
        (now.best_epoch == 0) != history_.empty() || (finished() && now.epoch == 0))
        raise<data_error>("checkpoint", "numbers of epochs, of reports and of the best epoch are ", now.epoch, ", ",
                          history_.size(), " and ", now.best_epoch, ", expected them to fit");
    earlier_seconds_ = seconds_of_all;
    earlier_epoch_seconds_ = seconds_of_epoch;
    if (!in_epoch_) return;
    loader_.start(now.epoch);
    for (std::size_t i = 0; i < now.step; ++i) static_cast<void>(loader_.next(batch_));
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::train
