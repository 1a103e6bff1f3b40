// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/checkpoint.hpp"

#include <cstddef>
#include <functional>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "raises.hpp"
#include "smldist/io/sealed.hpp"
#include "smldist/train/logging.hpp"
#include "smldist/train/objective.hpp"
#include "train/resuming.hpp"
#include "train/run.hpp"

using namespace smldist;
using train::supervised;
using train::training_options;
using training = train::training<network, supervised>;

namespace {

const auto labels = [](network&) { return supervised(); };
const auto student = [](std::uint64_t seed) { return make(student_config(), seed); };

training_options three_epochs() {
    training_options o = brief(); // 4 steps an epoch
    o.augment.jitter = 0.5;
    return o;
}

/// A callback that counts steps.
struct counter {
    std::size_t steps = 0;
    void before_training(train::run_state&) { steps = 0; }
    void after_step(train::run_state&) { ++steps; }
    static void visit_state(auto& self, auto&& member) { member("steps", self.steps); }
};

/// Moves the weights of the classifier far away before the last step of epoch 2: the loss is then finite and thousandfold.
struct exploding {
    void before_step(train::state<network>& s) const {
        if (s.epoch != 2 || s.step != 4) return;
        for (float& v : std::get<nn::linear<float>>(s.network.heads[0]).weight.value) v *= 1e8f;
    }
};

/// A training loop of one's own.
struct own_loop {
    network net = make(student_config());
    optim::adam<float> optimiser{{.lr = 0.01}};
    tape<float> t{3};
    std::size_t step = 0;
    static void visit_state(auto& self, auto&& member) {
        member("net", self.net);
        member("optimiser", self.optimiser);
        member("random", self.t.random());
        member("step", self.step);
    }
    void run_to(std::size_t end) {
        for (; step < end; ++step) {
            const auto b = first_batch();
            t.reset();
            t.backward(loss::cross_entropy(net(t.input(b.x), mode::train).logits, b.label));
            optimiser.step(net, t);
        }
    }
};

} // namespace

TEST_CASE("checkpoint: a training goes on bit for bit from every step, with each optimiser") {
    for (const auto kind : {optim::optimiser_kind::adamw, optim::optimiser_kind::adam, optim::optimiser_kind::sgd,
                            optim::optimiser_kind::radam, optim::optimiser_kind::ranger}) {
        CAPTURE(name_of(kind));
        training_options o = three_epochs();
        o.optimiser = kind;
        check_resume(student, labels, o, every_place);
    }
}

TEST_CASE("checkpoint: a training goes on bit for bit with each schedule") {
    for (const auto kind :
         {optim::schedule_kind::one_cycle, optim::schedule_kind::cosine, optim::schedule_kind::warm_restarts,
          optim::schedule_kind::plateau, optim::schedule_kind::constant}) {
        CAPTURE(name_of(kind));
        training_options o = three_epochs();
        o.epochs = 4;
        o.schedule.kind = kind;
        o.schedule.restart_epochs = 1;
        o.schedule.plateau.patience = 0;
        o.schedule.plateau.threshold = 0.5; // each epoch but the first is a bad one
        check_resume(student, labels, o, some_places);
    }
}

TEST_CASE(
    "checkpoint: averages, early stopping, mixup, balanced classes and a memory placed by k-means are restored") {
    const std::vector<std::pair<const char*, std::function<void(training_options&)>>> variants{
        {"ema", [](auto& o) { o.ema = 0.9; }},
        {"swa", [](auto& o) { o.swa_epochs = 2; }},
        {"patience", [](auto& o) { o.patience = 1; }},
        {"mixup", [](auto& o) { o.mixup = 0.4; }},
        {"balanced", [](auto& o) { o.balanced = true; }},
        {"channels",
         [](auto& o) {
             o.channels = {0, 1, 2};
         }},
        {"k-means", [](auto& o) { o.memory = train::memory_initialisation::k_means; }},
        {"k-means and ema", [](auto& o) {
             o.memory = train::memory_initialisation::k_means;
             o.ema = 0.9;
         }}};
    for (const auto& variant : variants) {
        const char* const name = variant.first;
        CAPTURE(name);
        training_options o = three_epochs();
        o.epochs = 4;
        variant.second(o);
        auto c = student_config(heads::memory);
        if (!o.channels.empty()) c.backbone.channels = 3;
        check_resume([&](std::uint64_t seed) { return make(c, seed); }, labels, o, every_place);
    }
}

TEST_CASE(
    "checkpoint: a training that diverges does so again at the same step, and leaves the same last good network") {
    training_options o = three_epochs();
    o.optimiser = optim::optimiser_kind::sgd;
    o.schedule.kind = optim::schedule_kind::constant;
    o.clip = 1e9;
    const auto diverge = [&](network& net, auto&& prepare) {
        supervised objective;
        training t(net, objective, few().train, few().validation, few().normal, o);
        t.add(exploding{});
        prepare(t);
        try {
            t.run();
        } catch (const numeric_error& e) { return std::string(e.what()); }
        return std::string("no error");
    };
    network whole = make(student_config());
    std::vector<io::byte_vector> saved;
    const auto expected = diverge(
        whole, [&](training& t) { t.on_step = [&](const auto&) { saved.push_back(train::checkpoint_bytes(t)); }; });
    REQUIRE(expected.find("epoch 2, step 4") != std::string::npos);
    REQUIRE(saved.size() == 7);
    for (std::size_t i = 0; i < saved.size(); ++i) {
        CAPTURE(i);
        network net = make(student_config(), 9);
        CHECK(diverge(net, [&](training& t) { train::restore_checkpoint(t, saved[i]); }) == expected);
        CHECK(same_bits(net, whole));
    }
}

TEST_CASE("checkpoint: it does not matter how many threads go on") {
    const std::size_t all = threads();
    network net = make(student_config());
    supervised objective;
    set_threads(1);
    training t(net, objective, few().train, few().validation, few().normal, three_epochs());
    io::byte_vector middle;
    std::size_t steps = 0;
    t.on_step = [&](const auto&) {
        if (++steps == 6) middle = train::checkpoint_bytes(t);
    };
    t.run();
    set_threads(2);
    network other = make(student_config(), 9);
    training rest(other, objective, few().train, few().validation, few().normal, three_epochs());
    train::restore_checkpoint(rest, middle);
    rest.run();
    set_threads(all);
    CHECK(same_bits(other, net));
}

TEST_CASE("checkpoint: a training that stop has ended goes on as if it had not been") {
    network whole = make(student_config());
    supervised objective;
    const auto expected =
        training(whole, objective, few().train, few().validation, few().normal, three_epochs()).run();
    for (std::size_t last = 1; last <= 12; ++last) {
        CAPTURE(last);
        network net = make(student_config());
        training t(net, objective, few().train, few().validation, few().normal, three_epochs());
        io::byte_vector saved;
        std::size_t steps = 0, refused = 0;
        t.stop = [&] {
            if (++steps < last) return false;
            saved = train::checkpoint_bytes(t);
            return true;
        };
        t.on_epoch = [&](const auto&) {
            if (!t.resumable()) ++refused;
        };
        CHECK(t.run().history.size() == (last + 3) / 4);
        CHECK(refused == (last % 4 == 0 ? 0 : 1));
        network again = make(student_config(), 9);
        training rest(again, objective, few().train, few().validation, few().normal, three_epochs());
        train::restore_checkpoint(rest, saved);
        check_equal(rest.run(), expected);
        CHECK(same_bits(again, whole));
    }
}

TEST_CASE("save_checkpoint: writes nothing once stop has cut an epoch short") {
    const scratch_folder at;
    network net = make(student_config());
    supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, three_epochs());
    std::size_t steps = 0;
    std::vector<bool> written;
    t.stop = [&] { return ++steps == 6; };
    t.on_epoch = [&](const auto&) { written.push_back(train::save_checkpoint(at / "x", t)); };
    t.run();
    CHECK(written == std::vector<bool>{true, false});
    network again = make(student_config(), 9);
    training rest(again, objective, few().train, few().validation, few().normal, three_epochs());
    train::load_checkpoint(at / "x", rest);
    CHECK(rest.run().history.size() == 3);
}

TEST_CASE("checkpoint: a finished training is restored without its optimiser and returns its result at once") {
    network net = make(student_config());
    supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, three_epochs());
    io::byte_vector last, before;
    t.on_epoch = [&](const auto& r) { (r.epoch == 3 ? last : before) = train::checkpoint_bytes(t); };
    const auto result = t.run();
    CHECK(last.size() < before.size());
    network again = make(student_config(), 9);
    training rest(again, objective, few().train, few().validation, few().normal, three_epochs());
    rest.on_step = [](const auto&) { FAIL("a step was made"); };
    train::restore_checkpoint(rest, last);
    check_equal(rest.run(), result);
    CHECK(same_bits(again, net));
}

TEST_CASE("checkpoint: after a restored run the next one begins anew") {
    network net = make(student_config());
    supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, three_epochs());
    io::byte_vector middle;
    t.on_epoch = [&](const auto& r) {
        if (r.epoch == 2) middle = train::checkpoint_bytes(t);
    };
    t.run();
    train::restore_checkpoint(t, middle);
    CHECK(t.run().history.size() == 3);
    network expected = net;
    CHECK(t.run().history.size() == 3);
    training(expected, objective, few().train, few().validation, few().normal, three_epochs()).run();
    CHECK(same_bits(net, expected));
}

TEST_CASE("checkpoint: a callback with visit_state keeps what it counts, and csv_log its columns") {
    network net = make(student_config());
    supervised objective;
    const auto session = [&](network& n, counter& c, std::ostream& out, auto&& f) {
        training t(n, objective, few().train, few().validation, few().normal, three_epochs());
        t.add(c);
        t.add(train::csv_log(out));
        f(t);
    };
    counter first, second;
    std::ostringstream one, two;
    io::byte_vector middle;
    session(net, first, one, [&](training& t) {
        t.on_epoch = [&](const auto& r) {
            if (r.epoch == 1) middle = train::checkpoint_bytes(t);
        };
        t.run();
    });
    network again = make(student_config(), 9);
    session(again, second, two, [&](training& t) {
        train::restore_checkpoint(t, middle);
        t.run();
    });
    CHECK(second.steps == 12);
    const auto columns = [](const std::string& rows) { return std::count(rows.begin(), rows.end(), ','); };
    const std::string rest = one.str().substr(one.str().find("\n2,") + 1);
    CHECK(columns(two.str()) == columns(rest));
    CHECK(two.str().starts_with("2,"));
}

TEST_CASE("restore_checkpoint: other options, windows, networks or a changed byte are refused; the network stays") {
    network net = make(student_config());
    supervised objective;
    io::byte_vector saved;
    {
        training t(net, objective, few().train, few().validation, few().normal, three_epochs());
        t.on_epoch = [&](const auto&) { saved = train::checkpoint_bytes(t, "mine"); };
        t.run();
    }
    const auto restored = [&](const training_options& o, const model::network_config& c, const data::windows& train,
                              const io::byte_vector& bytes, std::string_view configuration = "mine") {
        network other = make(c, 9);
        const network before = other;
        training t(other, objective, train, few().validation, few().normal, o);
        try {
            train::restore_checkpoint(t, bytes, configuration);
        } catch (...) {
            CHECK(same_bits(other, before));
            throw;
        }
    };
    const auto usual = three_epochs();
    restored(usual, student_config(), few().train, saved);
    auto faster = usual;
    faster.lr = 0.5;
    CHECK_RAISES(usage_error, "lr is 0.5, expected 0.004",
                 (restored(faster, student_config(), few().train, saved), 0));
    auto momentum = usual;
    momentum.optimiser = optim::optimiser_kind::sgd;
    CHECK_RAISES(usage_error, "optimiser is \"sgd\", expected \"adamw\"",
                 (restored(momentum, student_config(), few().train, saved), 0));
    auto windows = few().train;
    windows.x[5] += 1;
    CHECK_RAISES(usage_error, "are not those of the saved training",
                 (restored(usual, student_config(), windows, saved), 0));
    CHECK_RAISES(usage_error, "configuration is \"yours\", expected \"mine\"",
                 (restored(usual, student_config(), few().train, saved, "yours"), 0));
    CHECK_RAISES(usage_error, "configuration is \"\", expected \"mine\"",
                 (restored(usual, student_config(), few().train, saved, ""), 0));
    CHECK_RAISES(data_error, "shape of \"network.backbone.stem",
                 (restored(usual, teacher_config(), few().train, saved), 0));
    CHECK_RAISES(data_error, "is missing", (restored(usual, student_config(heads::memory), few().train, saved), 0));
    auto averaged = usual;
    averaged.ema = 0.5;
    CHECK_RAISES(usage_error, "ema is 0.5, expected 0",
                 (restored(averaged, student_config(), few().train, saved), 0));
    for (const std::size_t at : {std::size_t(0), saved.size() / 2, saved.size() - 1}) {
        CAPTURE(at);
        io::byte_vector changed = saved;
        changed[at] ^= std::byte{1};
        CHECK_THROWS_AS(restored(usual, student_config(), few().train, changed), data_error);
    }
}

TEST_CASE("restore_checkpoint: a file whose arrays make no sense is refused, or gives a training that ends") {
    network net = make(student_config());
    supervised objective;
    training_options o = three_epochs();
    o.ema = 0.5;
    for (const std::size_t last : {6u, 12u}) { // within epoch 2, at the end
        CAPTURE(last);
        io::byte_vector saved;
        {
            training t(net, objective, few().train, few().validation, few().normal, o);
            std::size_t steps = 0;
            t.on_step = [&](const auto&) {
                if (++steps == last && steps % 4 != 0) saved = train::checkpoint_bytes(t);
            };
            t.on_epoch = [&](const auto&) {
                if (steps == last) saved = train::checkpoint_bytes(t);
            };
            t.run();
        }
        const auto file = io::safetensors_file::parse(io::byte_vector(saved));
        std::size_t tried = 0, refused = 0, ended = 0;
        const auto try_with = [&](const std::vector<io::tensor_view>& tensors) {
            network other = make(student_config(), 9);
            training t(other, objective, few().train, few().validation, few().normal, o);
            try {
                train::restore_checkpoint(t, io::write_sealed(tensors, file.metadata()));
                static_cast<void>(t.run());
                ++ended;
            } catch (const error&) { ++refused; }
        };
        for (std::size_t i = 0; i < file.tensors().size(); ++i) {
            if (file.tensors()[i].bytes.size() > 64 && i % 20 != 0) continue; // of the many weights a part
            ++tried;
            auto tensors = file.tensors();
            tensors.erase(tensors.begin() + static_cast<std::ptrdiff_t>(i));
            try_with(tensors);
            for (const auto fill : {std::byte{0}, std::byte{1}, std::byte{0xFF}}) {
                tensors = file.tensors();
                const std::vector<std::byte> bytes(tensors[i].bytes.size(), fill);
                tensors[i].bytes = bytes;
                try_with(tensors);
            }
        }
        CHECK(refused >= tried); // at least where one is missing
        // Reports of epochs, and no best network.
        const std::size_t before = refused;
        std::vector<io::tensor_view> tensors;
        const std::byte none{0};
        for (io::tensor_view t : file.tensors()) {
            if (t.name.starts_with("callbacks.1.model.")) continue;
            if (t.name == "callbacks.1.any") t.bytes = std::span(&none, 1);
            tensors.push_back(t);
        }
        REQUIRE(tensors.size() + 10 < file.tensors().size());
        try_with(tensors);
        CHECK(refused == before + 1);
        CHECK(ended > 0);
    }
}

TEST_CASE("load_checkpoint: errors name the path") {
    const scratch_folder at;
    network net = make(student_config());
    supervised objective;
    training t(net, objective, few().train, few().validation, few().normal, three_epochs());
    CHECK_RAISES(io_error, at / "none", (train::load_checkpoint(at / "none", t), 0));
    io::write_file_atomically(at / "text", std::string_view("no checkpoint"));
    CHECK_RAISES(data_error, at / "text", (train::load_checkpoint(at / "text", t), 0));
    REQUIRE(train::save_checkpoint(at / "good", t, "a"));
    CHECK_RAISES(usage_error, at / "good", (train::load_checkpoint(at / "good", t, "b"), 0));
    train::load_checkpoint(at / "good", t, "a");
    // Of a longer configuration, the first line that differs.
    REQUIRE(train::save_checkpoint(at / "lines", t, "seed=1\nlr=0.1\nbatch=2\n"));
    CHECK_RAISES(usage_error, "configuration is \"lr=0.2\", expected \"lr=0.1\"",
                 (train::load_checkpoint(at / "lines", t, "seed=1\nlr=0.2\nbatch=3\n"), 0));
    CHECK_RAISES(usage_error, "configuration is \"\", expected \"batch=2\"",
                 (train::load_checkpoint(at / "lines", t, "seed=1\nlr=0.1\n"), 0));
}

TEST_CASE("checkpoint: a loop of one's own saves a type with visit_state") {
    const scratch_folder at;
    own_loop whole, resumed;
    whole.run_to(3);
    train::save_checkpoint(at / "x", whole);
    whole.run_to(6);
    resumed.run_to(1);
    train::load_checkpoint(at / "x", resumed);
    CHECK(resumed.step == 3);
    resumed.run_to(6);
    CHECK(same_bits(resumed.net, whole.net));
}
