// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/loader.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <set>

#include "allocations.hpp"
#include "raises.hpp"

using namespace smldist;
using data::augment_options;
using data::loader_options;

namespace {

/// n windows of 16 samples and 3 channels (one triple); labels 0 for the first `few`, else 2; class 1 does not occur.
data::windows some(std::size_t n, std::size_t few = 1) {
    data::windows w;
    w.x = tensor<float>(shape{n, 16, 3});
    generator g(5);
    for (float& v : w.x) v = static_cast<float>(2 + g.normal());
    for (std::size_t i = 0; i < n; ++i) w.label.push_back(i < few ? 0 : 2);
    w.subject.assign(n, 1);
    w.info.labels = {"rare", "never", "common"};
    w.info.triples = {{0, 1, 2}};
    return w;
}

/// The same with a target of two columns: the window's number and its square.
data::windows with_target(data::windows w, bool classes = true) {
    w.target = tensor<float>(shape{w.size(), 2});
    for (std::size_t i = 0; i < w.size(); ++i) {
        w.target(i, 0) = static_cast<float>(i);
        w.target(i, 1) = static_cast<float>(i * i);
    }
    if (!classes) {
        w.label.clear();
        w.info.labels = {"number", "square"};
    }
    return w;
}

struct epoch {
    std::vector<std::size_t> order, sizes;
    std::vector<float> x;
};

epoch read(data::loader& l, std::size_t number) {
    epoch e;
    data::batch b;
    for (l.start(number); l.next(b);) {
        CHECK(b.x.shape() == shape{b.size(), l.source().length(), l.source().channels()});
        CHECK(b.index.size() == b.size());
        CHECK(b.label.size() == (l.source().label.empty() ? 0 : b.size()));
        for (std::size_t k = 0; k < b.label.size(); ++k) CHECK(b.label[k] == l.source().label[b.index[k]]);
        CHECK(b.target.shape() == (l.source().targets() > 0 ? shape{b.size(), l.source().targets()} : shape{0}));
        for (std::size_t i = 0; i < b.target.size(); ++i) {
            const std::size_t K = l.source().targets();
            CHECK(b.target[i] == l.source().target(b.index[i / K], i % K));
        }
        e.order.insert(e.order.end(), b.index.begin(), b.index.end());
        e.x.insert(e.x.end(), b.x.begin(), b.x.end());
        e.sizes.push_back(b.size());
    }
    CHECK(l.batches() == e.sizes.size());
    return e;
}

loader_options sized(std::size_t batch, bool shuffle = true) {
    loader_options o;
    o.batch = batch;
    o.shuffle = shuffle;
    return o;
}

using sizes = std::vector<std::size_t>;

} // namespace

TEST_CASE("in order, without augmentation: the normalised windows") {
    const data::windows w = some(10);
    const normaliser n = fit_normaliser(w, normaliser_kind::zscore);
    data::loader l(w, sized(4, false), n, generator(1));
    const epoch e = read(l, 0);
    const data::windows expected = data::normalised(w, n);
    CHECK(e.order == sizes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    CHECK(e.sizes == sizes{4, 4, 2});
    CHECK(e.x == std::vector<float>(expected.x.begin(), expected.x.end()));
    data::loader raw(w, sized(4, false), normaliser{}, generator(1));
    CHECK(read(raw, 0).x == std::vector<float>(w.x.begin(), w.x.end()));
}

TEST_CASE("the last batch: kept, joined when it would hold one window, dropped on request") {
    const data::windows w = some(10);
    const auto sizes_of = [&](std::size_t batch, bool drop) {
        loader_options o = sized(batch);
        o.drop_last = drop;
        data::loader l(w, o, normaliser{}, generator(1));
        return read(l, 0).sizes;
    };
    CHECK(sizes_of(4, false) == sizes{4, 4, 2});
    CHECK(sizes_of(3, false) == sizes{3, 3, 4});
    CHECK(sizes_of(9, false) == sizes{10});
    CHECK(sizes_of(5, false) == sizes{5, 5});
    CHECK(sizes_of(64, false) == sizes{10});
    CHECK(sizes_of(1, false) == sizes(10, 1));
    CHECK(sizes_of(4, true) == sizes{4, 4});
    CHECK(sizes_of(3, true) == sizes{3, 3, 3});
    CHECK(sizes_of(10, true) == sizes{10});
}

TEST_CASE("shuffle: a permutation, new each epoch, the same for the same seed") {
    const data::windows w = some(50);
    data::loader l(w, sized(8), normaliser{}, generator(1)), same(w, sized(8), normaliser{}, generator(1)),
        other(w, sized(8), normaliser{}, generator(2));
    const epoch zero = read(l, 0), one = read(l, 1);
    CHECK(std::set<std::size_t>(zero.order.begin(), zero.order.end()).size() == 50);
    CHECK(zero.order != one.order);
    CHECK(read(l, 0).order == zero.order);
    CHECK(read(same, 1).order == one.order); // although epoch 0 was never read
    CHECK(read(other, 0).order != zero.order);
}

TEST_CASE("augmented windows depend neither on batch size nor on threads") {
    const data::windows w = some(30);
    const normaliser n = fit_normaliser(w, normaliser_kind::zscore);
    loader_options o = sized(7);
    o.augment = augment_options{};
    data::loader l(w, o, n, generator(3));
    const epoch e = read(l, 2);
    for (const std::size_t batch : sizes{1, 4, 30}) {
        CAPTURE(batch);
        o.batch = batch;
        data::loader m(w, o, n, generator(3));
        const epoch f = read(m, 2);
        CHECK(f.order == e.order);
        CHECK(f.x == e.x);
    }
    const std::size_t before = threads();
    for (const std::size_t count : sizes{1, 3}) {
        CAPTURE(count);
        set_threads(count);
        CHECK(read(l, 2).x == e.x);
    }
    set_threads(before);
    CHECK(read(l, 3).x != e.x);
}

TEST_CASE("order of steps: physical augmentation, normaliser, then jitter") {
    const data::windows w = some(6);
    const normaliser n = fit_normaliser(w, normaliser_kind::zscore);
    loader_options o = sized(6, false);
    o.augment = augment_options::reference();
    data::loader l(w, o, n, generator(3));
    const epoch e = read(l, 0);
    // Rotation and scaling keep the direction of the raw mean within 20°, so undoing the normaliser gives |x'| / |x|
    // constant over the window: the factor of the triple.
    for (std::size_t i = 0; i < 6; ++i) {
        double factor = 0;
        for (std::size_t t = 0; t < 16; ++t) {
            double raw = 0, got = 0;
            for (std::size_t c = 0; c < 3; ++c) {
                const double back = double(e.x[(i * 16 + t) * 3 + c]) / double(n.scale[c]) + double(n.offset[c]);
                got += back * back;
                raw += double(w.x(i, t, c)) * double(w.x(i, t, c));
            }
            if (t == 0) factor = got / raw;
            CHECK(got / raw == doctest::Approx(factor).epsilon(1e-4));
        }
        CHECK(std::abs(factor - 1) > 1e-6);
    }
    o.augment = augment_options::none();
    o.augment.jitter = 1;
    data::loader noisy(w, o, n, generator(3));
    const epoch j = read(noisy, 0);
    const data::windows clean = data::normalised(w, n);
    double square = 0;
    for (std::size_t i = 0; i < j.x.size(); ++i) square += std::pow(double(j.x[i] - clean.x[i]), 2);
    CHECK(std::sqrt(square / double(j.x.size())) == doctest::Approx(0.05).epsilon(0.15)); // in normalised units
}

TEST_CASE("balanced: classes drawn alike, absent ones skipped, members in turn") {
    const data::windows w = some(400, 20);
    loader_options o = sized(32);
    o.balanced = true;
    o.augment = augment_options::reference();
    data::loader l(w, o, normaliser{}, generator(1));
    const epoch e = read(l, 0);
    CHECK(e.order.size() == 400);
    std::vector<int> seen(400);
    for (const std::size_t i : e.order) ++seen[i];
    int rare = 0;
    for (std::size_t i = 0; i < 20; ++i) rare += seen[i];
    CHECK(rare > 160);
    CHECK(rare < 240);
    for (std::size_t i = 0; i < 20; ++i) CHECK(std::abs(seen[i] - rare / 20) <= 1);
    for (std::size_t i = 20; i < 400; ++i) CHECK(seen[i] <= 1);
    // A window drawn twice in an epoch is augmented in two ways.
    std::size_t first = 400, second = 400;
    for (std::size_t k = 0; k < 400; ++k)
        if (e.order[k] == 3) (first == 400 ? first : second) = k;
    REQUIRE(second < 400);
    CHECK(!std::equal(e.x.begin() + static_cast<std::ptrdiff_t>(first * 48),
                      e.x.begin() + static_cast<std::ptrdiff_t>(first * 48 + 48),
                      e.x.begin() + static_cast<std::ptrdiff_t>(second * 48)));
    data::loader same(w, o, normaliser{}, generator(1));
    CHECK(read(same, 1).order == read(l, 1).order);
}

TEST_CASE("mixup: windows and labels of the plain batch, each mixed with the next") {
    const data::windows w = some(26, 10);
    const normaliser n = fit_normaliser(w, normaliser_kind::zscore);
    loader_options o = sized(8);
    o.augment = augment_options{};
    data::loader plain(w, o, n, generator(1));
    o.mixup = 0.4;
    data::loader mixed(w, o, n, generator(1));
    data::batch a, b;
    std::set<double> shares;
    for (const std::size_t epoch : {1u, 2u}) {
        CAPTURE(epoch);
        plain.start(epoch);
        mixed.start(epoch);
        while (plain.next(a)) {
            REQUIRE(mixed.next(b));
            CHECK(a.other.empty());
            CHECK(a.share == 1);
            CHECK(b.label == a.label);
            CHECK(b.index == a.index);
            REQUIRE(b.other.size() == a.size());
            CHECK(b.share >= 0.5);
            CHECK(b.share <= 1);
            shares.insert(b.share);
            for (std::size_t k = 0; k < a.size(); ++k) {
                const std::size_t next = (k + 1) % a.size();
                CHECK(b.other[k] == a.label[next]);
                for (std::size_t i = 0; i < 48; ++i)
                    REQUIRE(double(b.x[k * 48 + i]) == doctest::Approx(b.share * double(a.x[k * 48 + i]) +
                                                                       (1 - b.share) * double(a.x[next * 48 + i]))
                                                           .epsilon(1e-5));
            }
        }
        CHECK_FALSE(mixed.next(b));
    }
    CHECK(shares.size() == 8); // four batches an epoch, each with its own
    data::loader same(w, o, n, generator(1));
    CHECK(read(same, 2).x == read(mixed, 2).x);
    plain.start(1); // a batch that was mixed and is filled again by another loader
    plain.next(b);
    CHECK(b.other.empty());
    CHECK(b.share == 1);
}

TEST_CASE("a target: each window's own row, and nothing else changes") {
    const data::windows w = some(30, 10);
    const normaliser n = fit_normaliser(w, normaliser_kind::zscore);
    for (const bool classes : {true, false})
        for (const bool shuffle : {true, false}) {
            CAPTURE(classes);
            CAPTURE(shuffle);
            const data::windows t = with_target(w, classes);
            loader_options o = sized(7, shuffle);
            o.augment = augment_options{};
            o.balanced = classes && shuffle;
            data::loader plain(w, o, n, generator(3)), with(t, o, n, generator(3));
            if (classes) {
                const epoch a = read(plain, 2), b = read(with, 2);
                CHECK(a.order == b.order);
                CHECK(a.x == b.x);
            } else
                CHECK(read(with, 2).x == read(plain, 2).x);
        }
    const data::windows t = with_target(w);
    data::loader plain(w, sized(7), n, generator(1)), with(t, sized(7), n, generator(1));
    data::batch b;
    with.next(b);
    CHECK(b.target.shape() == shape{7, 2});
    plain.next(b); // a batch that is filled again by a loader without target
    CHECK(b.target.shape() == shape{0});
}

TEST_CASE("mixup: the target is mixed as the windows are") {
    const data::windows w = with_target(some(26, 10)), unlabelled = with_target(some(26), false);
    loader_options o = sized(8);
    data::loader plain(w, o, normaliser{}, generator(1));
    o.mixup = 0.4;
    data::loader mixed(w, o, normaliser{}, generator(1)), regression(unlabelled, o, normaliser{}, generator(1));
    data::batch a, b, c;
    while (plain.next(a)) {
        REQUIRE(mixed.next(b));
        REQUIRE(regression.next(c));
        for (std::size_t k = 0; k < a.size(); ++k) {
            const std::size_t next = (k + 1) % a.size();
            for (std::size_t i = 0; i < 2; ++i)
                REQUIRE(double(b.target(k, i)) ==
                        doctest::Approx(b.share * double(a.target(k, i)) + (1 - b.share) * double(a.target(next, i)))
                            .epsilon(1e-5));
        }
        CHECK(identical(c.target, b.target));
        CHECK(c.share == b.share);
        CHECK(c.label.empty());
        CHECK(c.other.empty());
        CHECK(c.size() == b.size());
        CHECK(c.index == b.index);
    }
}

TEST_CASE("no heap allocation after the first epoch") {
    if (!SMLDIST_RECYCLE_MEMORY) return; // a sanitizer's build asks the heap each time
    const data::windows plain = some(70, 10), with = with_target(plain);
    const normaliser n = fit_normaliser(plain, normaliser_kind::zscore);
    for (const auto& row : {std::pair(false, false), {true, false}, {true, true}}) {
        const auto& [balanced, target] = row;
        CAPTURE(row.first);
        CAPTURE(row.second);
        const data::windows& w = target ? with : plain;
        loader_options o = sized(16);
        o.balanced = balanced;
        o.augment = augment_options{};
        o.mixup = balanced ? 0.2 : 0;
        data::loader l(w, o, n, generator(1));
        data::batch b;
        const std::size_t in_chunks = allocations_in_chunks();
        for (l.start(0); l.next(b);) {}
        CHECK(allocations_in_chunks() == in_chunks); // from the first batch on
        const std::size_t before = allocations();
        for (std::size_t e = 1; e < 4; ++e)
            for (l.start(e); l.next(b);) {}
        CHECK(allocations() == before);
    }
}

TEST_CASE("loader: bad input") {
    const data::windows w = some(10), none;
    const auto make = [](const data::windows& source, const loader_options& o, const normaliser& n = {}) {
        data::loader l(source, o, n, generator(1));
    };
    CHECK_THROWS_AS(make(none, sized(4)), data_error);
    CHECK_THROWS_AS(make(w, sized(0)), usage_error);
    loader_options o = sized(4, false);
    o.balanced = true;
    CHECK_THROWS_AS(make(w, o), usage_error);
    o.shuffle = true;
    CHECK_NOTHROW(make(with_target(w), o));
    CHECK_RAISES(usage_error, "balanced is set for windows without classes, expected labels",
                 make(with_target(w, false), o));
    o = sized(11);
    o.drop_last = true;
    CHECK_THROWS_AS(make(w, o), usage_error);
    o = sized(4);
    o.augment.rotation = 2;
    CHECK_THROWS_AS(make(w, o), usage_error);
    o = sized(4);
    o.mixup = -1;
    CHECK_THROWS_AS(make(w, o), usage_error);
    normaliser wide = fit_normaliser(w, normaliser_kind::zscore);
    wide.offset.push_back(0);
    CHECK_THROWS_AS(make(w, sized(4), wide), shape_error);
    data::windows bad = w;
    bad.x[7] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_AS(make(bad, sized(4)), data_error);
}
