// SPDX-License-Identifier: BSD-3-Clause
// A student whose memory is a compressed copy of the teacher's.
#include <algorithm>
#include <cmath>
#include <vector>

#include "distiller.hpp"
#include "raises.hpp"

using namespace smldist;
using distill::distill_options;

TEST_CASE("distiller: merged patterns match a compressed memory with its teacher's") {
    auto c = teacher_config(heads::memory);
    memory_of(c).patterns_per_class = 4;
    network teacher = make(c);
    auto& keys = teacher.memory()->keys.value; // patterns 0, 1 and 2 of each class coincide
    for (std::size_t m = 0; m < keys.shape()[0]; ++m)
        if (m % 4 == 1 || m % 4 == 2)
            std::copy_n(keys.data() + (m - m % 4) * keys.shape()[1], keys.shape()[1],
                        keys.data() + m * keys.shape()[1]);
    network student = teacher;
    distill_options o = frequency_aware();
    o.merged = student.take_memory(teacher, model::memory_transfer::copy_slow, 2);
    CHECK(student.config.options_of<model::memory_head>()->patterns_per_class == 2);
    CHECK(o.merged.size() == 24);
    const data::batch b = first_batch();
    const auto of_teacher = teacher(b.x), of_student = student(b.x);
    for (std::size_t i = 0; i < of_teacher.logits.size(); ++i)
        CHECK(of_student.logits[i] == doctest::Approx(double(of_teacher.logits[i])).epsilon(1e-5));
    for (const double tau : {1.0, 2.0}) {
        CAPTURE(tau);
        o.memory.temperature = tau;
        auto objective = distiller_of(teacher, student, o);
        CHECK(std::abs(terms_of(objective, student, mode::eval)["memory"]) < 1e-5);
    }

    network other = make(student_config(heads::memory));
    other.take_memory(teacher, model::memory_transfer::copy_slow, 2);
    auto objective = distiller_of(teacher, other, o);
    CHECK(terms_of(objective, other)["memory"] > 0);
    const auto keys_before = other.memory()->keys.value;
    const network trained = distilled(teacher, other, o, brief(2));
    CHECK_FALSE(identical(trained.memory()->keys.value, keys_before));
    CHECK(identical(trained.memory()->log_mass.value, other.memory()->log_mass.value));

    const auto fails = [&](std::vector<std::size_t> merged, const char* part) {
        distill_options wrong = frequency_aware();
        wrong.merged = std::move(merged);
        CHECK_RAISES(usage_error, part, distiller_of(teacher, student, wrong));
    };
    fails({}, "(1, 12) and (1, 24)");
    fails({0, 1}, "merged patterns 2");
    fails(std::vector<std::size_t>(24, 12), "a merged pattern is 12, expected 0 to 11");
    fails(std::vector<std::size_t>(24, 0), "pattern 1 of the student represents 0 of the teacher's");
}
