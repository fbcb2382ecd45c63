package fleet

import "syscall"

// attributes has the system kill a child when its parent ends, and keeps the terminal's interrupt from the children.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
