# SPDX-License-Identifier: BSD-3-Clause
# xtl is looked for first: Debian's xsimd target names xtl without finding it, and the link then fails with
# "cannot find -lxtl". smldistConfig.cmake.in holds the same list.
if(SMLDIST_FETCH_DEPS)
    include(FetchContent)
    set(CMAKE_POLICY_VERSION_MINIMUM 3.5) # for CMake 4, which no longer reads these projects' minimum of 3.1
    foreach(dependency xtl/0.7.2 xsimd/8.1.0 xtensor/0.24.3)
        cmake_path(GET dependency PARENT_PATH name)
        cmake_path(GET dependency FILENAME release)
        FetchContent_Declare(${name}
            URL https://github.com/xtensor-stack/${name}/archive/refs/tags/${release}.tar.gz
            DOWNLOAD_EXTRACT_TIMESTAMP OFF
            SYSTEM
            FIND_PACKAGE_ARGS ${release})
    endforeach()
    FetchContent_MakeAvailable(xtl xsimd xtensor)
else()
    find_package(xtl 0.7 REQUIRED)
    find_package(xsimd 8.1 REQUIRED)
    find_package(xtensor 0.24.3...<0.28 REQUIRED)
endif()
find_package(Threads REQUIRED)
