// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/prefetcher.hpp"

#include <doctest/doctest.h>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "smldist/data/synthetic.hpp"

using namespace smldist;

namespace {

struct setting {
    data::windows windows = data::synthetic({.users = 2, .test_users = 1, .seconds = 20}).train;
    normaliser normal = data::fit_normaliser(windows);

    data::loader loader() const {
        data::loader_options o;
        o.batch = 7;
        o.augment = data::augment_options::reference();
        o.mixup = 0.4;
        return data::loader(windows, o, normal, generator(3));
    }
};

void check_equal(const data::batch& a, const data::batch& b) {
    CHECK(identical(a.x, b.x));
    CHECK(a.label == b.label);
    CHECK(a.index == b.index);
    CHECK(a.other == b.other);
    CHECK(a.share == b.share);
}

} // namespace

TEST_CASE("prefetcher: the loader's batches, epoch by epoch, also after one that was left early") {
    const setting s;
    const std::size_t before = threads();
    for (const std::size_t n : {1u, 2u}) {
        set_threads(n);
        auto want = s.loader();
        data::prefetcher got(s.loader());
        CHECK(got.batches() == want.batches());
        data::batch a, b;
        for (const std::size_t epoch : {1u, 2u, 2u, 5u}) {
            want.start(epoch);
            got.start(epoch);
            std::size_t count = 0;
            while (want.next(a)) {
                REQUIRE(got.next(b));
                check_equal(a, b);
                if (++count == 2 && epoch == 2) break;
            }
            if (epoch == 2) continue;
            CHECK(count == got.batches());
            CHECK_FALSE(got.next(b));
            CHECK_FALSE(got.next(b));
            check_equal(a, b);
        }
    }
    set_threads(before);
}

TEST_CASE("prefetcher: one that was never started, or is given up with a batch ahead, ends") {
    const setting s;
    const data::prefetcher unused(s.loader());
    for (int k = 0; k < 20; ++k) {
        data::prefetcher p(s.loader());
        p.start(1);
        data::batch b;
        if (k % 2 == 0) p.next(b);
    }
}

TEST_CASE("prefetcher: allocates nothing after the first epochs") {
    const setting s;
    data::prefetcher p(s.loader());
    data::batch b;
    std::size_t before = 0;
    for (std::size_t epoch = 1; epoch < 6; ++epoch) {
        if (epoch == 4) before = allocations();
        for (p.start(epoch); p.next(b);) CHECK(b.size() > 0);
    }
    CHECK(allocations() == before);
}
