using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace ShopMesh.Hosting;

internal enum Signal
{
    Interrupt = 2,
    Quit = 3,
    Kill = 9,
    Terminate = 15,
    Continue,
    Stop,
}

/// <summary>One process, for as long as it lives and never another that was given its number later.</summary>
/// <param name="Birth">When it was started, in the words of the system: with the number it names one process, also across a reboot.</param>
public sealed partial record ProcessIdentity(int Pid, string Birth)
{
    private static readonly string Boot = OperatingSystem.IsLinux() ? File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim() : "";

    /// <summary>Null when there is no such process.</summary>
    public static ProcessIdentity? Of(int pid) => Look(pid) is { State: not ('Z' or 'X') } seen ? new(pid, seen.Birth) : null;

    public static ProcessIdentity Current { get; } = Of(Environment.ProcessId)!;

    /// <summary>Whether it runs, or is paused; a process that has ended and that nobody has waited for is not alive.</summary>
    [JsonIgnore]
    public bool IsAlive => Of(Pid) == this;

    [JsonIgnore]
    public bool IsPaused => Look(Pid) is { State: 'T' } seen && seen.Birth == Birth;

    internal void Send(Signal signal)
    {
        if (IsAlive)
            _ = kill(Pid, Number(signal));
    }

    /// <returns>Whether it ended in time.</returns>
    internal async Task<bool> HasEndedAsync(TimeSpan within, CancellationToken cancellationToken = default)
    {
        var watch = Stopwatch.StartNew();
        while (IsAlive)
        {
            if (watch.Elapsed > within)
                return false;
            await Task.Delay(20, cancellationToken);
        }

        return true;
    }

    /// <summary>Asks it to end, and sees to it that it has.</summary>
    /// <param name="grace">How long it may take before it is killed.</param>
    internal async Task EndAsync(Signal signal, TimeSpan grace)
    {
        Send(signal);
        Send(Signal.Continue);
        if (await HasEndedAsync(grace))
            return;
        Send(Signal.Kill);
        await HasEndedAsync(TimeSpan.FromSeconds(5));
    }

    internal IEnumerable<ProcessIdentity> Children() =>
        Directory.EnumerateDirectories("/proc")
            .Select(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid > 0 && Look(pid) is { } seen && seen.Parent == Pid)
            .Select(Of)
            .OfType<ProcessIdentity>();

    private static (char State, int Parent, string Birth)? Look(int pid)
    {
        try
        {
            if (!OperatingSystem.IsLinux())
            {
                using var process = Process.GetProcessById(pid);
                return ('R', 0, process.StartTime.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture));
            }

            // proc(5): the command's name stands in parentheses and may hold anything, so the fields are counted from its end.
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture), $"{Boot}/{fields[19]}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>SIGCONT and SIGSTOP have other numbers on macOS.</summary>
    private static int Number(Signal signal) => signal switch
    {
        Signal.Continue => OperatingSystem.IsMacOS() ? 19 : 18,
        Signal.Stop => OperatingSystem.IsMacOS() ? 17 : 19,
        _ => (int)signal,
    };

    [LibraryImport("libc")]
    private static partial int kill(int pid, int signal);
}
