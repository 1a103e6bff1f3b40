# SPDX-License-Identifier: BSD-3-Clause
# Build settings of our own tests and examples; consumers do not see them.
option(SMLDIST_NATIVE "Build tests and examples for this machine's instruction set" OFF)
option(SMLDIST_ASSERTIONS "Check the preconditions of kernels and element access" OFF)
option(SMLDIST_WERROR "Warnings are errors" OFF)
option(SMLDIST_USE_COMPILED "Link all tests and examples to smldist::compiled, not only har" OFF)
set(SMLDIST_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")
set(flags "")

set(SMLDIST_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion)
if(SMLDIST_WERROR)
    list(APPEND SMLDIST_WARNINGS -Werror)
endif()

add_library(smldist_development INTERFACE)
target_link_libraries(smldist_development INTERFACE smldist::smldist)
target_compile_options(smldist_development INTERFACE ${SMLDIST_WARNINGS})
if(SMLDIST_NATIVE)
    target_link_libraries(smldist_development INTERFACE smldist::native)
endif()
if(SMLDIST_ASSERTIONS)
    target_compile_definitions(smldist_development INTERFACE SMLDIST_ASSERTIONS=1)
endif()
if(SMLDIST_SANITIZE)
    # The address sanitizer finds null pointers and accesses beyond an object; checking them twice would double the
    # compile time.
    set(flags -fsanitize=${SMLDIST_SANITIZE} -fno-sanitize=null,object-size,vptr -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
        # Marking the scope of every temporary pack takes three quarters of the compile time. clang still does it.
        list(APPEND flags -fno-sanitize-address-use-after-scope)
    elseif(CMAKE_CXX_COMPILER_ID MATCHES Clang)
        # xsimd 8.1 converts double to int64 one by one in exp, infinite and NaN too, and mends the result afterwards.
        list(APPEND flags -fno-sanitize=float-cast-overflow)
    endif()
    target_compile_options(smldist_development INTERFACE ${flags})
    target_compile_definitions(smldist_development INTERFACE _GLIBCXX_ASSERTIONS)
    target_link_options(smldist_development INTERFACE ${flags})
endif()

# smldist::compiled, which is built when a target links it, takes the same settings.
target_compile_options(smldist_compiled PRIVATE ${SMLDIST_WARNINGS} ${flags})
if(SMLDIST_NATIVE)
    target_link_libraries(smldist_compiled PUBLIC smldist::native)
endif()
if(SMLDIST_ASSERTIONS)
    target_compile_definitions(smldist_compiled PUBLIC SMLDIST_ASSERTIONS=1)
endif()
if(SMLDIST_USE_COMPILED)
    target_link_libraries(smldist_development INTERFACE smldist::compiled)
endif()

# For train/mpi.hpp: its tests, an example and a benchmark.
if(NOT CMAKE_CROSSCOMPILING)
    find_package(MPI QUIET COMPONENTS CXX)
endif()
# The ctest entry `name` runs a program on several ranks; with Open MPI also as root, and on fewer cores than ranks.
set(mpi_environment OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
    OMPI_MCA_hwloc_base_binding_policy=none ASAN_OPTIONS=detect_leaks=0) # MPI's own
function(add_mpi_test name ranks target)
    add_test(NAME ${name} COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:${target}> ${ARGN})
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "${mpi_environment}" PROCESSORS ${ranks} TIMEOUT 300)
endfunction()

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
