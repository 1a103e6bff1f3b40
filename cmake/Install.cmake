# SPDX-License-Identifier: BSD-3-Clause
# Installs headers, CMake package and pkg-config file where Debian installs those of xtl.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/smldist)

install(DIRECTORY include/smldist TYPE INCLUDE FILES_MATCHING PATTERN "*.hpp" PATTERN "*.ipp" PATTERN "compiled/*.cpp")
install(TARGETS smldist smldist_native EXPORT smldistTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(SMLDIST_BUILD_COMPILED)
    install(TARGETS smldist_compiled EXPORT smldistTargets)
endif()
install(EXPORT smldistTargets NAMESPACE smldist:: DESTINATION ${package_dir})

configure_package_config_file(cmake/smldistConfig.cmake.in smldistConfig.cmake INSTALL_DESTINATION ${package_dir})
if(NOT SMLDIST_BUILD_COMPILED)
    set(independent ARCH_INDEPENDENT)
endif()
write_basic_package_version_file(smldistConfigVersion.cmake COMPATIBILITY SameMinorVersion ${independent})
set(SMLDIST_CFLAGS "")
if(SMLDIST_NO_XSIMD)
    set(SMLDIST_CFLAGS "-DSMLDIST_NO_XSIMD ")
endif()
configure_file(cmake/smldist.pc.in smldist.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/smldistConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/smldistConfigVersion.cmake
    DESTINATION ${package_dir})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/smldist.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
