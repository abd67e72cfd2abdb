using System.Globalization;

namespace ShopMesh.Bench.Measuring;

/// <summary>CPU time of processes, user and system, as <c>/proc/PID/stat</c> has it: in steps of 10 ms, and exact over a window of seconds.</summary>
internal static class CpuTime
{
    private static readonly double TicksPerSecond = Environment.OSVersion.Platform == PlatformID.Unix ? 100 : throw new PlatformNotSupportedException();

    /// <summary>Of one process, without its children.</summary>
    /// <returns>Zero when it is not there.</returns>
    public static TimeSpan Of(int pid) => Read(pid)?.Own ?? TimeSpan.Zero;

    /// <summary>Of one process and of those of its children that have ended: a program that runs others to their end.</summary>
    public static TimeSpan WithEnded(int pid) => Read(pid) is { } seen ? seen.Own + seen.Ended : TimeSpan.Zero;

    /// <summary>Of one process and all that descend from it, also of those that have ended meanwhile: a PostgreSQL server has a process per connection.</summary>
    public static TimeSpan OfTree(int pid)
    {
        // One that ends while we look would be counted twice or not at all: then look again.
        while (true)
        {
            var before = Read(pid)?.Ended;
            var all = ReadAll();
            if (all.GetValueOrDefault(pid)?.Ended == before && Read(pid)?.Ended == before)
                return Sum(pid, all, all.ToLookup(pair => pair.Value.Parent, pair => pair.Key));
        }
    }

    /// <summary>A process and all that descend from it, now.</summary>
    public static IReadOnlyList<int> Tree(int pid)
    {
        var children = ReadAll().ToLookup(pair => pair.Value.Parent, pair => pair.Key);
        return [.. Below(pid)];

        IEnumerable<int> Below(int parent) => children[parent].SelectMany(Below).Prepend(parent);
    }

    private static TimeSpan Sum(int pid, Dictionary<int, Seen> all, ILookup<int, int> children) => all.GetValueOrDefault(pid) is { } seen
        ? children[pid].Aggregate(seen.Own + seen.Ended, (sum, child) => sum + Sum(child, all, children))
        : TimeSpan.Zero;

    private static Dictionary<int, Seen> ReadAll()
    {
        var all = new Dictionary<int, Seen>();
        foreach (var path in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out var pid) && Read(pid) is { } seen)
                all[pid] = seen;
        }

        return all;
    }

    private static Seen? Read(int pid)
    {
        try
        {
            // proc(5): the command's name stands in parentheses and may hold anything, so the fields are counted from its end.
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return new(int.Parse(fields[1], CultureInfo.InvariantCulture), Ticks(11) + Ticks(12), Ticks(13) + Ticks(14));

            TimeSpan Ticks(int field) => TimeSpan.FromSeconds(long.Parse(fields[field], CultureInfo.InvariantCulture) / TicksPerSecond);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <param name="Ended">Of its children that it has waited for, and theirs.</param>
    private sealed record Seen(int Parent, TimeSpan Own, TimeSpan Ended);
}
