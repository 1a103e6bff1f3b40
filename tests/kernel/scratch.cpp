// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/scratch.hpp"

#include <cstdint>

#include "compare.hpp"

using namespace smldist;

namespace {

TEST_CASE("scratch: aligned, and disjoint when nested") {
    const kernel::scratch<float> outer(1000);
    const kernel::scratch<double> inner(500);
    CHECK(reinterpret_cast<std::uintptr_t>(outer.data()) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(inner.data()) % 64 == 0);
    CHECK(inner.size() == 500);
    std::fill_n(outer.data(), 1000, 1.0f);
    std::fill_n(inner.data(), 500, 2.0);
    CHECK(std::all_of(outer.data(), outer.data() + 1000, [](float v) { return v == 1.0f; }));
    CHECK(kernel::scratch<float>(0).data() == nullptr);
}

#if SMLDIST_RECYCLE_MEMORY
TEST_CASE("scratch: a block is used again") {
    const void* first = nullptr;
    {
        const kernel::scratch<float> block(1000);
        first = block.data();
    }
    const kernel::scratch<float> again(1000);
    CHECK(again.data() == first);
}
#endif

} // namespace
