//go:build unix

package worker

import "syscall"

// usage returns the processor time of this process and its largest resident size.
func usage() (cpu, peak int64) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0, 0
	}
	return r.Utime.Nano() + r.Stime.Nano(), int64(r.Maxrss) << 10
}
