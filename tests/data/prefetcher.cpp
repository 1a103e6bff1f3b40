// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/prefetcher.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <iterator>
#include <sys/mman.h>
#include <utility>
#include <vector>

#include "allocations.hpp"
#include "io/memory_limit.hpp"
#include "smldist/data/synthetic.hpp"

using namespace smldist;

namespace {

struct setting {
    data::windows windows = data::synthetic({.users = 2, .test_users = 1, .seconds = 20}).train;
    normaliser normal = data::fit_normaliser(windows, normaliser_kind::zscore);

    setting() {
        windows.target = tensor<float>(shape{windows.size(), 1});
        for (std::size_t i = 0; i < windows.size(); ++i) windows.target[i] = static_cast<float>(i);
    }
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
    CHECK(identical(a.target, b.target));
}

} // namespace

TEST_CASE("prefetcher: the loader's batches, epoch by epoch, also after one that was left early") {
    const setting s;
    const std::size_t before = threads();
    for (const std::size_t n : {1u, 2u}) {
        CAPTURE(n);
        set_threads(n);
        auto want = s.loader();
        data::prefetcher got(s.loader());
        CHECK(got.batches() == want.batches());
        data::batch a, b;
        for (const std::size_t epoch : {1u, 2u, 2u, 5u}) {
            CAPTURE(epoch);
            want.start(epoch);
            got.start(epoch);
            std::size_t count = 0;
            while (want.next(a)) {
                REQUIRE(got.next(b));
                check_equal(a, b);
                CHECK(b.target.shape() == shape{b.size(), 1});
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
        CAPTURE(epoch);
        if (epoch == 4) before = allocations();
        for (p.start(epoch); p.next(b);) CHECK(b.size() > 0);
    }
    CHECK(allocations() == before);
}

#if SMLDIST_TEST_LIMITS_MEMORY
TEST_CASE("prefetcher: when the system starts no more threads, next() makes the batches") {
    const setting s;
    const std::size_t before = threads();
    set_threads(1); // a child has no thread but its own
    auto want = s.loader();
    data::batch a, b;
    want.start(1);
    CHECK(want.next(a));
    CHECK(run_within(std::size_t(400) << 20, [&] {
              set_threads(8); // the stacks of threads that have ended are in use again
              data::prefetcher got(s.loader());
              b.x = tensor<float>(shape{7, a.x.shape()[1], a.x.shape()[2]});
              const auto threads_of_process = [] {
                  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                                       std::filesystem::directory_iterator());
              };
              const auto count = threads_of_process();
              while (::mmap(nullptr, std::size_t(4) << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
                     MAP_FAILED) {}
              got.start(1);
              return threads_of_process() == count && got.next(b) && identical(a.x, b.x);
          }) == ending::as_wanted);
    set_threads(before);
}
#endif
