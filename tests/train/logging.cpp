// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/logging.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

using namespace smldist;

namespace {

train::run_state after(std::size_t epoch) {
    train::run_state s;
    s.epoch = s.report.epoch = epoch;
    s.epochs = 12;
    s.report.train.total = 1.25;
    s.report.train.add("hard", 1);
    s.report.train.add("soft", 0.25);
    s.report.lr = 0.004;
    s.report.score = 0.5;
    s.report.best = epoch == 1;
    s.report.seconds = 2.5;
    return s;
}

} // namespace

TEST_CASE("print_epochs: prints one line per epoch") {
    std::ostringstream out;
    const train::print_epochs with_name(out, "student"), without(out);
    with_name.after_epoch(after(1));
    auto s = after(2);
    s.report.train = {};
    without.after_epoch(s);
    CHECK(out.str() ==
          "student epoch 1/12  loss 1.2500 (hard 1.0000 soft 0.2500)  lr 4.00e-03  score 0.5000 *  2.5 s\n"
          "epoch 2/12  loss 0.0000  lr 4.00e-03  score 0.5000  2.5 s\n");
}

TEST_CASE("csv_log: writes one header and a row per epoch with the terms of the first epoch") {
    std::ostringstream out;
    train::csv_log log(out);
    log.before_training(train::run_state());
    log.after_epoch(after(1));
    auto second = after(2);
    second.report.train = {};
    second.report.train.total = 1.0 / 3;
    second.report.train.add("new", 7);
    second.report.train.add("soft", 0.1);
    log.after_epoch(second);
    CHECK(out.str() == "epoch,loss,hard,soft,lr,score,best,seconds\n"
                       "1,1.25,1,0.25,0.004,0.5,1,2.5\n"
                       "2,0.3333333333333333,0,0.1,0.004,0.5,0,2.5\n");
    out.str("");
    log.before_training(train::run_state());
    log.after_epoch(after(1));
    CHECK(out.str() == "epoch,loss,hard,soft,lr,score,best,seconds\n1,1.25,1,0.25,0.004,0.5,1,2.5\n");
}

TEST_CASE("jsonl_log: writes an object per epoch with the terms of that epoch") {
    std::ostringstream out;
    const train::jsonl_log log(out);
    log.after_epoch(after(1));
    auto second = after(2);
    second.report.train = {};
    second.report.train.total = 1.0 / 3;
    second.report.train.add("a \"b\\c\n", std::numeric_limits<double>::infinity());
    log.after_epoch(second);
    CHECK(out.str() ==
          "{\"epoch\":1,\"loss\":1.25,\"hard\":1,\"soft\":0.25,\"lr\":0.004,\"score\":0.5,\"best\":true,\"seconds\":"
          "2.5}\n"
          "{\"epoch\":2,\"loss\":0.3333333333333333,\"a \\\"b\\\\c \":null,\"lr\":0.004,\"score\":0.5,\"best\":false,"
          "\"seconds\":2.5}\n");
    std::istringstream lines(out.str());
    for (std::string line; std::getline(lines, line);) CHECK(nlohmann::json::accept(line));
}

TEST_CASE("logging: a failing stream is an io_error") {
    std::ostringstream out;
    out.setstate(std::ios::badbit);
    CHECK_THROWS_AS(train::print_epochs(out).after_epoch(after(1)), io_error);
    train::csv_log log(out);
    CHECK_THROWS_AS(log.after_epoch(after(1)), io_error);
    CHECK_THROWS_AS(train::jsonl_log(out).after_epoch(after(1)), io_error);
}
