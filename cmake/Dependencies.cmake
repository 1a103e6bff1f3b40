# SPDX-License-Identifier: BSD-3-Clause
# xtl is searched first: Debian's xsimd target names xtl without finding it, and the link then fails with
# "cannot find -lxtl". smldistConfig.cmake.in holds the same list.
set(SMLDIST_XSIMD xsimd)
if(SMLDIST_NO_XSIMD)
    set(SMLDIST_XSIMD "")
endif()
if(SMLDIST_FETCH_DEPS)
    include(FetchContent)
    set(CMAKE_POLICY_VERSION_MINIMUM 3.5) # for CMake 4, which no longer reads these projects' minimum of 3.1
    foreach(dependency xtl/0.7.2 xsimd/8.1.0 xtensor/0.24.3)
        cmake_path(GET dependency PARENT_PATH name)
        set(wanted ${release})
        if(name STREQUAL xsimd)
            if(SMLDIST_NO_XSIMD)
                continue()
            endif()
            set(wanted "") # see below
        endif()
        cmake_path(GET dependency FILENAME release)
        FetchContent_Declare(${name}
            URL https://github.com/xtensor-stack/${name}/archive/refs/tags/${release}.tar.gz
            DOWNLOAD_EXTRACT_TIMESTAMP OFF
            SYSTEM
            FIND_PACKAGE_ARGS ${wanted})
    endforeach()
    FetchContent_MakeAvailable(xtl ${SMLDIST_XSIMD} xtensor)
else()
    find_package(xtl 0.7 REQUIRED)
    if(NOT SMLDIST_NO_XSIMD)
        # Without a version: xsimd's version file accepts no other major version.
        find_package(xsimd REQUIRED)
    endif()
    find_package(xtensor 0.24.3...<0.28 REQUIRED)
endif()
if(xsimd_VERSION AND xsimd_VERSION VERSION_LESS 8.1)
    message(FATAL_ERROR "xsimd is ${xsimd_VERSION}, expected 8.1 or newer (or -DSMLDIST_NO_XSIMD=ON)")
endif()
find_package(Threads REQUIRED)
