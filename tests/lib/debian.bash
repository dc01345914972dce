# For scripts: Debian's packages of every suite, by an apt of our own, so that the machine's own
# lists and packages stay as they are. The mirror is the machine's.

# debian_apt ROOT ARCH: fills the array apt with the command; ROOT keeps lists and packages.
debian_apt() {
	local root=$1 mirror suite
	apt=(apt-get -qq -o "Dir=$root" -o "Dir::State::status=$root/var/lib/dpkg/status"
		-o "APT::Architecture=$2" -o "APT::Architectures=$2" -o APT::Sandbox::User=root -o Acquire::Languages=none)
	[ ! -e "$root/ready" ] || return 0
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 '/debian/*$')
	mirror=${mirror%/}
	mkdir -p "$root"/etc/apt/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d} \
		"$root"/var/{lib/dpkg,lib/apt/lists/partial,cache/apt/archives/partial}
	: >"$root/var/lib/dpkg/status"
	for suite in bullseye bullseye-security bookworm bookworm-security trixie trixie-security \
		trixie-backports sid experimental; do
		case $suite in
		*-security) echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror-security $suite main" ;;
		*) echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" ;;
		esac
	done >"$root/etc/apt/sources.list"
	"${apt[@]}" update >&2 || echo "# some of Debian's suites are not there" >&2
	touch "$root/ready"
}

# debian_extract DIR PACKAGE[=VERSION]...: their files, nothing installed; false when one is not there.
debian_extract() {
	local dir=$1 debs deb
	shift
	debs=$(mktemp -d "$dir.XXXXXX")
	if (cd "$debs" && "${apt[@]}" download "$@" >&2); then
		mkdir -p "$dir"
		for deb in "$debs"/*.deb; do dpkg-deb -x "$deb" "$dir"; done
		rm -rf "$debs"
		return 0
	fi
	rm -rf "$debs"
	return 1
}

# debian_tree DIR PACKAGE...: they and all that they depend on, of the machine's own release, as a
# root directory. No script of theirs runs, so the architecture may be any.
debian_tree() {
	local dir=$1 debs deb name
	shift
	debs=$(mktemp -d "$dir.XXXXXX")
	mkdir "$debs/partial"
	name=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	"${apt[@]}" -o "APT::Default-Release=/^$name(-security)?\$/" -o "Dir::Cache::archives=$debs" \
		--no-install-recommends --download-only -y install usr-is-merged "$@" >&2
	mkdir -p "$dir"/usr/{bin,sbin,lib,lib64}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$dir"
	for deb in "$debs"/*.deb; do
		# dpkg-deb -x would put a folder in the place of a link
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir" --keep-directory-symlink --exclude './usr/share/*'
	done
	rm -rf "$debs"
}
