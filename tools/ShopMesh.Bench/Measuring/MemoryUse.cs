using System.Globalization;

namespace ShopMesh.Bench.Measuring;

/// <summary>Memory of a process and its children, in bytes.</summary>
/// <param name="Anonymous">Its own: heap and stacks. No other process shares it, and a container is always charged for it.</param>
/// <param name="Proportional">PSS: what is its own, and of each page that several map (programs, shared memory) its share. The nearest
/// to what a container's working set counts, where the files of a shared layer are charged to one of those that use them.</param>
/// <param name="Resident">RSS: as if it shared nothing.</param>
internal sealed record MemoryUse(long Anonymous, long Proportional, long Resident)
{
    public static MemoryUse OfTree(int pid) => CpuTime.Tree(pid).Select(Of).Aggregate((sum, one) => new(sum.Anonymous + one.Anonymous, sum.Proportional + one.Proportional, sum.Resident + one.Resident));

    private static MemoryUse Of(int pid)
    {
        try
        {
            var lines = File.ReadAllLines($"/proc/{pid}/smaps_rollup").Select(line => line.Split(':')).Where(parts => parts.Length == 2).ToLookup(parts => parts[0], parts => parts[1]);
            return new(Bytes("Anonymous"), Bytes("Pss"), Bytes("Rss"));

            long Bytes(string name) => lines[name].Select(value => 1_024 * long.Parse(value.Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture)).FirstOrDefault();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(0, 0, 0);
        }
    }
}
