// SPDX-License-Identifier: BSD-3-Clause
/// Small networks and small synthetic data, so that a training run takes a fraction of a second.
#ifndef SMLDIST_TESTS_TRAIN_TINY_HPP
#define SMLDIST_TESTS_TRAIN_TINY_HPP

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "model/heads.hpp"
#include "smldist/data/loader.hpp"
#include "smldist/data/normaliser.hpp"
#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/model/network.hpp"

using network = smldist::model::network<float>;

inline smldist::model::network_config config(std::size_t stem, const std::vector<std::string_view>& rows,
                                             std::size_t tail, smldist::model::head_config head) {
    smldist::model::network_config c;
    c.backbone.stem = stem;
    for (const auto row : rows) c.backbone.rows.push_back(smldist::model::parse_row(row));
    c.backbone.tail = tail;
    c.head = head;
    return c;
}
/// Anchors at total stride 4 and 8; dropout 0.2.
inline smldist::model::network_config student_config(smldist::model::head_config head = heads::linear) {
    return config(8, {"3,8,8,SE,RE,2,A", "3,16,12,-,HS,2,A"}, 16, head);
}
/// The same anchors, wider.
inline smldist::model::network_config teacher_config(smldist::model::head_config head = heads::linear) {
    return config(16, {"3,32,16,-,RE,2,A", "3,48,24,SE,HS,2,A"}, 32, head);
}
inline network make(const smldist::model::network_config& c, std::uint64_t seed = 0) {
    return network(c, smldist::generator(seed));
}

/// Windows of 32 samples at 12.5 Hz, 9 channels and 6 activities; every set has its own people.
struct sets {
    smldist::data::windows train, validation, test;
    smldist::normaliser normal; ///< of the training people

    sets(std::size_t users, double seconds, std::uint64_t seed = 0) {
        smldist::data::synthetic_options o;
        o.users = users;
        o.test_users = 3;
        o.seconds = seconds;
        o.rate_hz = 12.5;
        o.length = 32;
        o.hop = 16;
        o.seed = seed;
        auto both = smldist::data::synthetic(o);
        auto split = smldist::data::hold_out_subjects(both.train, 2, seed);
        train = std::move(split.train);
        validation = std::move(split.validation);
        test = std::move(both.test);
        normal = smldist::data::fit_normaliser(train, smldist::normaliser_kind::zscore);
    }
};

/// 4 training people, 104 windows: for tests in which nothing need be learned.
inline const sets& few() {
    static const sets s(6, 10);
    return s;
}
/// The first batch of few(), of 26 windows, normalised and not augmented.
inline smldist::data::batch first_batch(double mixup = 0) {
    smldist::data::loader loader(few().train, {.batch = 26, .mixup = mixup}, few().normal, smldist::generator(1));
    smldist::data::batch b;
    REQUIRE(loader.next(b));
    return b;
}
/// 8 training people, 1344 windows: enough to learn from.
inline const sets& many() {
    static const sets s(10, 40);
    return s;
}

/// The total acceleration, as a cheaper device has it.
inline const std::vector<std::size_t> total_acc{6, 7, 8};
/// student_config for these channels.
inline smldist::model::network_config narrow_config(smldist::model::head_config head = heads::linear) {
    auto c = student_config(head);
    c.backbone.channels = total_acc.size();
    return c;
}

/// Whether all parameters and buffers agree bit for bit.
inline bool same_bits(const network& a, const network& b) {
    std::vector<std::string> left, right;
    const auto into = [](std::vector<std::string>& bits) {
        return [&bits](const std::string& path, const auto& leaf) {
            bits.push_back(path + leaf.shape().text());
            bits.emplace_back(reinterpret_cast<const char*>(leaf.value.data()),
                              leaf.value.size() * sizeof(*leaf.value.data()));
        };
    };
    smldist::walk(a, into(left));
    smldist::walk(b, into(right));
    return left == right;
}

#endif
