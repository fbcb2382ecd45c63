package examples_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// insideEnv is set in a process that has a network of its own.
const insideEnv = "TRIBES_TEST_NAMESPACE"

// ownNetwork runs a test in a network of its own, in which every port is free:
// there it returns true. Elsewhere it starts this process anew with just that
// test, reports what came of it, and returns false.
func ownNetwork(t *testing.T) bool {
	t.Helper()
	story(t)
	if os.Getenv(insideEnv) != "" {
		loopbackUp(t)
		return true
	}
	dir := filepath.Dir(binary(t, "elb")) // there may be no network to build with
	out, err := inNamespace(t, dir, 0).CombinedOutput()
	if errors.Is(err, fs.ErrPermission) { // as a user who may make one together with a user's namespace
		out, err = inNamespace(t, dir, syscall.CLONE_NEWUSER).CombinedOutput()
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EINVAL) {
		t.Skipf("a network namespace cannot be made here (%v); runs as root, or where users may make one", err)
	}
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	return false
}

func inNamespace(t *testing.T, dir string, flags uintptr) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), insideEnv+"=1", binariesEnv+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | flags}
	if flags != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return cmd
}

// loopbackUp makes 127.0.0.1 answer in a new network.
func loopbackUp(t *testing.T) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	require.NoError(t, err)
	defer syscall.Close(fd)
	request := struct { // struct ifreq
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request)))
	require.Zero(t, errno, "%v", errno)
}
