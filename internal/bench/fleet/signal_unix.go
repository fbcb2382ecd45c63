//go:build unix

package fleet

import "syscall"

// Stop stops the process with SIGSTOP: it does nothing, and its system answers for it.
func (p *Process) Stop() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Continue lets it go on after Stop.
func (p *Process) Continue() error { return p.cmd.Process.Signal(syscall.SIGCONT) }
