// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv/segments.hpp"

#include <cstddef>
#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>

#include "../../raises.hpp"
#include "exports.hpp"
#include "smldist/data/csv_recordings.hpp"

using namespace smldist;
using data::csv_options;
using data::csv_recordings;
using exports::plain;

namespace {

using strings = std::vector<std::string>;

/// One recording of 4 s at 50 Hz from 0 on, and a segments file.
struct labelled {
    strings classes;
    std::vector<int> labels;
    std::string error;

    labelled(const std::string& segments, csv_options o = {}, std::size_t first_ms = 0) {
        const scratch_folder at;
        at.write("walk.csv", plain(200, "time,acc_x,acc_y,acc_z", "", first_ms));
        at.write("walk.segments", segments);
        o.segments = "*.segments";
        try {
            const auto set = csv_recordings(at.path() / "", o);
            classes = set.info.labels;
            labels = set.recordings.at(0).labels;
        } catch (const data_error& e) {
            error = e.what();
            if (const std::size_t slash = error.rfind('/'); slash != error.npos && slash < error.find(": "))
                error.erase(0, slash + 1);
        }
    }
    /// "a 50-99 b 100-149" of the runs of labels.
    std::string runs() const {
        if (!error.empty()) return error;
        std::string all;
        for (std::size_t first = 0, last = 0; first < labels.size(); first = last) {
            for (last = first + 1; last < labels.size() && labels[last] == labels[first];) ++last;
            if (labels[first] >= 0)
                all += (all.empty() ? "" : " ") + classes[static_cast<std::size_t>(labels[first])] + " " +
                       std::to_string(first) + "-" + std::to_string(last - 1);
        }
        return all;
    }
};

} // namespace

TEST_CASE("csv segments: in the unit of the recording, in text, in samples, in seconds since its beginning") {
    CHECK(labelled("start,end,label\n1000,2000,a\n2000,3000,b\n").runs() == "a 50-99 b 100-149");
    CHECK(labelled("from;to;activity\n1000;2000;a\n2500;3000;b\n").runs() == "a 50-99 b 125-149");
    CHECK(labelled("start_sample,end_sample,label\n50,100,a\n100,150,b\n").runs() == "a 50-99 b 100-149");
    CHECK(labelled("start,end,label\n50,100,a\n100,150,b\n", {.segment = data::segment_unit::samples}).runs() ==
          "a 50-99 b 100-149");
    CHECK(labelled("start_sample,end_sample,label\n1000,2000,a\n", {.segment = data::segment_unit::time}).runs() ==
          "a 50-99");
    CHECK(labelled("start,end,label\n0:00:01,0:00:02,a\n0:00:02.5,0:00:03,b\n").runs() == "a 50-99 b 125-149");
    // No segment lies in the recording, which begins at 1000 s: they count from its beginning.
    CHECK(labelled("start,end,label\n1000,2000,a\n2000,3000,b\n", {}, 1000000).runs() == "a 50-99 b 100-149");
}

TEST_CASE("csv segments: without an end, or with an empty one, each lasts until the next") {
    CHECK(labelled("time,label\n0,a\n1000,b\n3000,c\n").runs() == "a 0-49 b 50-149 c 150-199");
    CHECK(labelled("start,end,label\n0,,a\n1000,2000,b\n3000,,c\n").runs() == "a 0-49 b 50-99 c 150-199");
    CHECK(labelled("time,label\n1000,b\n").runs() == "b 50-199");
}

TEST_CASE("csv segments: other columns, quotes, no header, missing labels") {
    CHECK(labelled("id,end,start,note,label\n1,2000,1000,\"x, y\",\"slow, walk\"\n").runs() == "slow, walk 50-99");
    CHECK(labelled("1000,2000,a\n2000,3000,b\n").runs() == "a 50-99 b 100-149");
    CHECK(labelled("start,end,label\n0,1000,a\n1000,2000,\n2000,3000,b\n").runs() == "a 0-49 b 100-149");
    CHECK(labelled("start,end,label\n0,1000,1\n1000,2000,10\n2000,3000,2\n").classes == strings{"1", "2", "10"});
}

TEST_CASE("csv segments: errors name file, line and column") {
    CHECK(labelled("end,label\n1,a\n").runs() ==
          "walk.segments: columns lack the start of a segment, expected start, end and label");
    CHECK(labelled("start,end\n1,2\n").runs() ==
          "walk.segments: columns lack the label of a segment, expected start, end and label");
    CHECK(labelled("start,end,label\n1000,500,a\n").runs() ==
          "walk.segments:2:6: end of a segment is before its start, expected it after");
    CHECK(labelled("start,end,label\n1000,1500,a\n500,800,b\n").runs() ==
          "walk.segments:3:1: segment begins before the previous one, expected ascending starts");
    CHECK(labelled("start,end,label\n1000,1500,a\n1400,1800,b\n").runs() ==
          "walk.segments:3:1: segment begins before the end of the previous one");
    CHECK(labelled("start,end,label\n1000,1500,a\nsoon,1800,b\n").runs() ==
          "walk.segments:3:1: field is 'soon', expected a number");
    CHECK(
        labelled("start,end,label\n9000000,9000100,a\n").runs() ==
        "walk.segments: number of samples that its 1 segments label is 0 of 200, from 0 to 3.98 s, expected at least "
        "one");
    CHECK(labelled("").runs() == "walk.segments: file is empty, expected a table of numbers");
}

TEST_CASE("csv segments: a file for each recording, by captures and by folder") {
    const scratch_folder at;
    for (const std::string person : {"anna", "ben"}) {
        at.write(person + "/rec_1.csv", plain(200));
        at.write(person + "/rec_2.csv", plain(200));
        at.write(person + "/rec_1_labels.csv", "start,end,label\n0,1000," + person + "1\n");
        at.write(person + "/rec_2_labels.csv", "start,end,label\n0,1000," + person + "2\n");
    }
    auto set = csv_recordings(
        at.path(), {.files = "{subject}/rec_{recording#}.csv", .segments = "{subject}/rec_{recording#}_labels.csv"});
    CHECK(set.info.labels == strings{"anna1", "anna2", "ben1", "ben2"});
    REQUIRE(set.recordings.size() == 4);
    for (int i = 0; i < 4; ++i) CHECK(set.recordings[static_cast<std::size_t>(i)].labels[0] == i);
    CHECK_RAISES(data_error,
                 "anna/rec_1.csv: number of segments files is 2, expected one that fits \"*/*_labels.csv\": "
                 "anna/rec_1_labels.csv, anna/rec_2_labels.csv",
                 csv_recordings(at.path(), {.segments = "*/*_labels.csv"}));
    CHECK_RAISES(data_error, "anna/rec_1.csv: number of segments files is 0, expected one that fits \"none.csv\"",
                 csv_recordings(at.path(), {.files = "*/rec_?.csv", .segments = "none.csv"}));
    // A column names the recording.
    const scratch_folder b;
    b.write("a/x.csv", plain(200));
    b.write("a/y.csv", plain(200));
    b.write("labels.csv", "file,start,end,label\na/x.csv,0,1000,one\ny.csv,0,1000,two\nx,2000,3000,three\n");
    set = csv_recordings(b.path(), {.segments = "labels.csv"});
    CHECK(set.info.labels == strings{"one", "three", "two"});
    CHECK(set.recordings[0].labels[0] == 0);
    CHECK(set.recordings[0].labels[120] == 1);
    CHECK(set.recordings[1].labels[0] == 2);
    CHECK(set.recordings[1].labels[120] == -1);
}

TEST_CASE("csv segments: label_by excludes ends and takes gaps") {
    data::stamped_signal s{1, {0, 0, 0, 0, 0, 0}, {10, 11, 12, 13, 14, 15}, {}};
    data::detail::csv_segments segments{{{11, 12, 3}, {13, 13.5, 4}, {13.6, 13.9, 5}, {15, 99, 6}}, false};
    data::detail::label_by(segments, s, "f");
    CHECK(s.labels == std::vector<int>{-1, 3, -1, 4, -1, 6});
    segments = {{{0, 1, 3}, {2, 4, 4}}, true};
    data::detail::label_by(segments, s, "f");
    CHECK(s.labels == std::vector<int>{3, -1, 4, 4, -1, -1});
}
