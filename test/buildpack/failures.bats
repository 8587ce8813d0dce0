#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2312,SC2016 # bats sets status, output and lines; a test ends at the first command that fails

load support/world.bash

setup_file() { world::start; }
teardown_file() { world::stop; }

# Usage: with_config NAME value
function with_config() {
	world::lay_out whole
	printf '%s' "${2}" > "${ENV_DIR}/${1}"
	world::compile
}

@test "a wrong secret" {
	with_config NIX_S3_SECRET nonsense
	world::expect_failure wrong-secret SignatureDoesNotMatch 'heroku nix:setup'
}

@test "a wrong key" {
	with_config NIX_S3_KEY nobody
	world::expect_failure wrong-key InvalidAccessKeyId 'heroku nix:setup'
}

@test "no bucket" {
	with_config NIX_S3_BUCKET other
	world::expect_failure no-bucket 'There is no bucket other' 'heroku nix:setup'
}

@test "another region" {
	with_config NIX_S3_REGION us-east-1
	world::expect_failure wrong-region us-east-1
}

@test "the network gone" {
	with_config NIX_S3_ENDPOINT http://127.0.0.1:1
	world::expect_failure bucket-unreachable http://127.0.0.1:1
}

@test "missing config vars" {
	world::lay_out whole
	rm "${ENV_DIR}/NIX_S3_SECRET" "${ENV_DIR}/NIX_SIGNING_KEY"
	world::compile
	world::expect_failure not-set-up 'no config var NIX_S3_SECRET, NIX_SIGNING_KEY' 'heroku nix:setup'
}

@test "a config var that cannot be right" {
	with_config NIX_APP_NAME $'../\e[31m'
	world::expect_failure bad-config-var 'NIX_APP_NAME cannot be right'
	[[ "${output}" != *$'\e'* ]]
}

@test "a config var of several lines" {
	local name
	for name in NIX_S3_KEY NIX_S3_SECRET NIX_S3_BUCKET NIX_S3_REGION NIX_S3_ENDPOINT NIX_SIGNING_KEY NIX_APP_NAME; do
		world::lay_out whole
		printf '%s\nurl = "http://127.0.0.1:1/x"\n' "$(< "${ENV_DIR}/${name}")" > "${ENV_DIR}/${name}.new"
		mv "${ENV_DIR}/${name}.new" "${ENV_DIR}/${name}"
		world::compile
		world::expect_failure bad-config-var "${name} cannot be right"
		rm --recursive "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
	done
}

@test "a record of another app" {
	world::lay_out borrowed
	world::compile
	world::expect_failure bad-record 'it is the record of another build' 'Nothing of it was used'
}

@test "credentials that have expired" {
	world::lay_out expired
	world::compile
	world::expect_failure access-denied ExpiredToken
}

@test "a signing key that is none is not shown" {
	with_config NIX_SIGNING_KEY not-a-key-but-secret
	[[ "${output}" != *not-a-key* ]]
	world::expect_failure bad-config-var 'NIX_SIGNING_KEY cannot be right'
}

@test "records that are not what was signed" {
	local scenario
	for scenario in other-key tampered folded moved-pointer; do
		world::lay_out "${scenario}"
		world::compile
		world::expect_failure bad-record 'Nothing of it was used'
		rm --recursive "${BUILD_DIR}" "${CACHE_DIR}" "${ENV_DIR}"
	done
}

@test "a layer with another digest" {
	world::lay_out changed-layer
	world::compile
	world::expect_failure wrong-layer 'their sha256 is not the one that was signed'
}

@test "a truncated layer" {
	world::lay_out cut-layer
	world::compile
	world::expect_failure wrong-layer ' bytes came'
}

@test "a layer whose members lead out of the slug" {
	world::lay_out hostile-layer
	world::compile
	world::expect_failure wrong-layer 'their sha256 is not the one that was signed'
	[[ "$(ls -A "${WORLD}/outside")" == file && "$(< "${WORLD}/outside/file")" == untouched ]]
	[[ -z "$(find "${WORLD}" "${BATS_TEST_TMPDIR}" -name 'evil*')" ]]
}

@test "a layer that is gone" {
	world::lay_out gone-layer
	world::compile
	world::expect_failure layer-gone 'heroku nix:build --force'
}

@test "a layer that may not be read" {
	world::lay_out denied
	world::compile
	world::expect_failure access-denied s3:GetObject
}

@test "a connection that breaks again and again" {
	world::lay_out breaking
	world::compile
	world::expect_failure download-broken '3 times' 'heroku nix:redeploy'
}

@test "a full disk" {
	world::lay_out whole
	mkdir "${BATS_TEST_TMPDIR}/small"
	unshare --mount --map-root-user mount -t tmpfs none "${BATS_TEST_TMPDIR}/small" || skip 'needs user namespaces, for a small disk'
	export ROOT
	export -f world::in_root
	BATS_SMALL="${BATS_TEST_TMPDIR}/small" SOURCE_VERSION="${COMMIT}" run unshare --mount --map-root-user bash -euc '
		mount -t tmpfs -o size=2m none "${BATS_SMALL}"
		cp --archive "${BUILD_DIR}/." "${BATS_SMALL}/"
		status=0
		world::in_root "$0/bin/compile" "${BATS_SMALL}" "${CACHE_DIR}" "${ENV_DIR}" || status=$?
		find "${BATS_SMALL}" -name ".nixs*" -printf "left: %p\n"
		exit "${status}"' "${ROOT}"
	[[ "${output}" != *left:* ]]
	world::expect_failure disk-full 'no room for the closure'
}

@test "a curl that cannot sign" {
	world::lay_out whole
	mkdir "${BATS_TEST_TMPDIR}/bin"
	printf '#!/bin/sh\necho "curl 7.81.0 (x86_64-pc-linux-gnu)"\n' > "${BATS_TEST_TMPDIR}/bin/curl"
	chmod +x "${BATS_TEST_TMPDIR}/bin/curl"
	PATH="${BATS_TEST_TMPDIR}/bin:${PATH}" world::compile
	world::expect_failure old-curl 'curl 7.81.0 on heroku-2' 'heroku nix:redeploy'
}

@test "a project without default.nix and flake.nix, of which there is no build" {
	world::lay_out older
	mv "${BUILD_DIR}/default.nix" "${BUILD_DIR}/shell.nix"
	world::compile
	world::expect_failure no-default-nix 'Found: shell.nix' 'heroku config:set NIX_BUILD_FLAGS=FILE.nix'
}

@test "a .profile.d that is a file" {
	world::lay_out whole
	touch "${BUILD_DIR}/.profile.d"
	world::compile
	world::expect_failure bad-source 'git mv .profile.d'
}

@test "what nobody foresaw is said once, without a stack trace" {
	world::lay_out whole
	mkdir "${BATS_TEST_TMPDIR}/bin"
	printf '#!/bin/sh\nexit 9\n' > "${BATS_TEST_TMPDIR}/bin/install"
	chmod +x "${BATS_TEST_TMPDIR}/bin/install"
	PATH="${BATS_TEST_TMPDIR}/bin:${PATH}" world::compile
	[[ "${status}" -ne 0 ]]
	[[ "$(grep --count 'Error: ' <<< "${output}")" -eq 1 && "${output}" == *'"install" on line '*' ended with status 9'* ]]
}
