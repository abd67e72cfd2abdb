using System.Globalization;

namespace ShopMesh.Bench.Scaling;

/// <summary>A pod under load.</summary>
/// <param name="Service">The service that it belongs to, or whose database it is.</param>
/// <param name="Cpu">Cores that it takes.</param>
/// <param name="CpuLimit">Cores that it may take; null without a limit.</param>
/// <param name="Memory">Its working set, in bytes.</param>
/// <param name="Requests">Per second; null where it does not say.</param>
internal sealed record PodUse(string Name, string Service, bool IsDatabase, double Cpu, double? CpuLimit, double Memory, double? Requests);

/// <summary>The machines under load.</summary>
/// <param name="Cores">What the nodes have.</param>
/// <param name="Cpu">Cores that are busy on them, by whatever.</param>
/// <param name="GeneratorCores">Cores that the load generator takes.</param>
/// <param name="GeneratorLateness">How late the generator was to send, in ms (p99).</param>
internal sealed record ClusterUse(IReadOnlyList<PodUse> Pods, double Cores, double Cpu, double GeneratorCores, double GeneratorLateness);

/// <summary>What keeps a service from more.</summary>
internal static class Bottleneck
{
    /// <summary>Of a limit or of all cores: CFS takes a pod off its core before its mean reaches the limit, and a node does not idle evenly.</summary>
    private const double Full = 0.85;

    private const double MaxLateness = 25;

    /// <param name="service">The one that was scaled.</param>
    public static string Name(string service, ClusterUse use)
    {
        var busy = use.Cpu / use.Cores;
        if (busy >= Full)
        {
            var most = use.Pods.GroupBy(Owner).Select(pods => (Owner: pods.Key, Cpu: pods.Sum(pod => pod.Cpu))).OrderByDescending(owner => owner.Cpu).Take(2);
            return Text($"the nodes' CPU: {use.Cpu:0.00} of {use.Cores:0.##} cores are busy, most of it by {string.Join(" and ", most.Select(owner => Text($"{owner.Owner} ({owner.Cpu:0.00})")))}");
        }

        var throttled = use.Pods.Where(pod => pod.CpuLimit is { } limit && pod.Cpu >= Full * limit).ToList();
        var own = throttled.Where(pod => pod.Service == service && !pod.IsDatabase).ToList();
        if (own.Count > 0)
            return Text($"its own pods: {own.Count} at their limit of {own[0].CpuLimit * 1_000:0}m CPU");
        // Beside a full machine, or pods at their limits, a generator that is late is their victim.
        if (use.GeneratorLateness > MaxLateness)
            return Text($"the load generator: it was late by {use.GeneratorLateness:0} ms and took {use.GeneratorCores:0.00} cores");
        if (throttled.MaxBy(pod => pod.Cpu / pod.CpuLimit) is { } other)
            return Text($"{Owner(other)}: its pod is at its limit of {other.CpuLimit * 1_000:0}m CPU");
        return Text($"no CPU: {busy:0 %} of the nodes' is busy and no pod is at a limit, so requests wait for something else (connections, locks, disks)");
    }

    private static string Owner(PodUse pod) => pod.IsDatabase ? $"the database of {pod.Service}" : pod.Service;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
