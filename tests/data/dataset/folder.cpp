// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/dataset/folder.hpp"

#include "scratch.hpp"

using namespace smldist;

TEST_CASE("dataset_folder: given directly or by its parent; errors name what is missing and its source") {
    const scratch_folder at;
    at.write("The Set/part/a.txt", "1\n");
    for (const auto& path : {at.path(), at.path() / "The Set"}) {
        CAPTURE(path.string());
        const data::dataset_folder set("loader", path, "The Set", "https://example.org/set");
        CHECK(set.path() == at.path() / "The Set");
        CHECK(set.file("part/a.txt") == at.path() / "The Set/part/a.txt");
        auto in = set.open("part/a.txt");
        CHECK(in.next_line());
        CHECK(in.number() == 1);
        const std::string missing = complaint([&] { set.open("part/b.txt"); });
        CHECK(has(missing, "loader: file is missing: '" + (at.path() / "The Set/part/b.txt").string()));
        CHECK(has(missing, "expected as in 'The Set' from https://example.org/set"));
        CHECK(has(complaint([&] { set.file("part"); }), "file is missing"));
    }
    CHECK(has(complaint([&] { data::dataset_folder("loader", at.path() / "no", "The Set", "source"); }),
              "loader: folder is missing"));
}
