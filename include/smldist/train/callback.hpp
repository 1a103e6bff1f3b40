// SPDX-License-Identifier: BSD-3-Clause
/// What a callback is, and a list of callbacks of any type.
#ifndef SMLDIST_TRAIN_CALLBACK_HPP
#define SMLDIST_TRAIN_CALLBACK_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/core/config.hpp"
#include "smldist/train/archive.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// When a callback is called; state.hpp says what it finds there.
enum class moment : std::uint8_t {
    before_training,
    before_epoch,
    before_step,
    after_step,
    before_validation,
    after_epoch,
    after_training
};

/// A value with at least one of the members that a training calls with its state.
template <class C, class State>
concept callback = requires(C& c, State& s) {
    c.before_training(s);
}
|| requires(C& c, State& s) { c.before_epoch(s); }
|| requires(C& c, State& s) { c.before_step(s); }
|| requires(C& c, State& s) { c.after_step(s); }
|| requires(C& c, State& s) { c.before_validation(s); }
|| requires(C& c, State& s) { c.after_epoch(s); }
|| requires(C& c, State& s) { c.after_training(s); };

namespace detail {

/// Calls the member of a callback for a moment, if it has one. A member that exists and cannot be called is an error: its
/// parameter is another type.
template <class C, class State> void call(C& c, moment m, State& s) {
    using type = std::remove_cv_t<C>;
    switch (m) {
    case moment::before_training:
        if constexpr (requires { c.before_training(s); })
            c.before_training(s);
        else
            static_assert(
                !requires { &type::before_training; }, "before_training cannot be called with train::state&");
        break;
    case moment::before_epoch:
        if constexpr (requires { c.before_epoch(s); })
            c.before_epoch(s);
        else
            static_assert(
                !requires { &type::before_epoch; }, "before_epoch cannot be called with train::state&");
        break;
    case moment::before_step:
        if constexpr (requires { c.before_step(s); })
            c.before_step(s);
        else
            static_assert(
                !requires { &type::before_step; }, "before_step cannot be called with train::state&");
        break;
    case moment::after_step:
        if constexpr (requires { c.after_step(s); })
            c.after_step(s);
        else
            static_assert(
                !requires { &type::after_step; }, "after_step cannot be called with train::state&");
        break;
    case moment::before_validation:
        if constexpr (requires { c.before_validation(s); })
            c.before_validation(s);
        else
            static_assert(
                !requires { &type::before_validation; }, "before_validation cannot be called with train::state&");
        break;
    case moment::after_epoch:
        if constexpr (requires { c.after_epoch(s); })
            c.after_epoch(s);
        else
            static_assert(
                !requires { &type::after_epoch; }, "after_epoch cannot be called with train::state&");
        break;
    case moment::after_training:
        if constexpr (requires { c.after_training(s); })
            c.after_training(s);
        else
            static_assert(
                !requires { &type::after_training; }, "after_training cannot be called with train::state&");
        break;
    }
}

/// Saves or restores a callback: by its member checkpoint(archive&, state&), or what its visit_state names, or nothing.
template <class C, class State> void checkpoint(C& c, archive& a, State& s) {
    if constexpr (requires { c.checkpoint(a, s); })
        c.checkpoint(a, s);
    else if constexpr (has_state<std::remove_const_t<C>>)
        std::remove_const_t<C>::visit_state(c, a);
}

} // namespace detail

/// Callbacks of any type, called in the order in which they were added.
template <class State> class callback_list {
public:
    /// Refers to an lvalue, which must outlive the list; moves an rvalue in.
    template <class C> void add(C&& c) {
        using held = std::conditional_t<std::is_lvalue_reference_v<C>, C, std::remove_cvref_t<C>>;
        constexpr bool called =
            callback<std::remove_reference_t<C>, State>; // keeps the compiler from listing every member
        static_assert(
            called,
            "a callback needs one of before_training, before_epoch, before_step, after_step, before_validation, "
            "after_epoch and after_training, callable with train::state<Network>&");
        if constexpr (called) slots_.push_back(std::make_unique<slot_of<held>>(std::forward<C>(c)));
    }
    void call(moment m, State& s) {
        for (const auto& one : slots_) one->call(m, s);
    }
    /// Saves or restores what the callbacks keep from step to step.
    void checkpoint(archive& a, State& s) {
        for (std::size_t i = 0; i < slots_.size(); ++i)
            a.within(std::to_string(i), [&] { slots_[i]->checkpoint(a, s); });
    }

private:
    struct slot {
        virtual ~slot() = default;
        virtual void call(moment m, State& s) = 0;
        virtual void checkpoint(archive& a, State& s) = 0;
    };
    template <class C> struct slot_of final : slot {
        explicit slot_of(C&& c) : callback(std::forward<C>(c)) {}
        void call(moment m, State& s) override { detail::call(callback, m, s); }
        void checkpoint(archive& a, State& s) override { detail::checkpoint(callback, a, s); }
        C callback;
    };

    std::vector<std::unique_ptr<slot>> slots_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif
