// SPDX-License-Identifier: BSD-3-Clause
/// A distiller of the small networks of train/tiny.hpp, its terms, and a training with it.
#ifndef SMLDIST_TESTS_DISTILL_DISTILLER_HPP
#define SMLDIST_TESTS_DISTILL_DISTILLER_HPP

#include "options.hpp"
#include "smldist/distill/distiller.hpp"
#include "train/run.hpp"

/// A window of few().
inline const smldist::shape one_window{1, 32, 9};

template <class Teacher>
smldist::distill::distiller distiller_of(const Teacher& teacher, const network& student,
                                         const smldist::distill::distill_options& o = frequency_aware(),
                                         const sets& s = few()) {
    return {teacher, student,    smldist::distill::calibrate(teacher, s.train, s.normal),
            o,       one_window, smldist::generator(5)};
}

/// The terms of one batch without training.
template <class Objective>
smldist::train::loss_terms terms_of(Objective& objective, const network& student,
                                    smldist::mode m = smldist::mode::train, double progress = 0) {
    const smldist::data::batch b = first_batch();
    smldist::tape<float> t;
    return objective(t, student(t.input(b.x), m), b, progress).terms;
}

/// The distilled student of one run on `s`.
template <class Teacher>
network distilled(const Teacher& teacher, network student, const smldist::distill::distill_options& o,
                  const smldist::train::training_options& training, const sets& s = few()) {
    auto objective = distiller_of(teacher, student, o, s);
    smldist::train::training<network, decltype(objective)>(student, objective, s.train, s.validation, s.normal,
                                                           training)
        .run();
    return student;
}

#endif
