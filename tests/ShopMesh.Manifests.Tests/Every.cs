using System.Runtime.CompilerServices;
using k8s.Models;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>A rule that holds in everything that somebody may apply; where it does not, the failure names the rule and what breaks it.</summary>
internal static class Every
{
    public static void Workload(Func<Workload, bool> rule, [CallerArgumentExpression(nameof(rule))] string text = "") =>
        Holds(text, rendering => rendering.Workloads.Select(workload => new Case($"{workload}", () => rule(workload))));

    public static void Container(Func<V1Container, bool> rule, [CallerArgumentExpression(nameof(rule))] string text = "") =>
        Holds(text, rendering => rendering.Workloads.SelectMany(workload => workload.Containers.Select(container => new Case($"{workload}, container {container.Name}", () => rule(container)))));

    public static void Deployment(Func<V1Deployment, bool> rule, [CallerArgumentExpression(nameof(rule))] string text = "") =>
        Holds(text, rendering => rendering.All<V1Deployment>().Select(deployment => new Case(deployment.Name(), () => rule(deployment))));

    /// <summary>The Deployments of the services and the gateway; not what a component adds.</summary>
    public static void Service(Func<MeshService, V1Deployment, bool> rule, [CallerArgumentExpression(nameof(rule))] string text = "") =>
        Holds(text, rendering => Topology.Services.Select(service => new Case(service.Name, () => rule(service, rendering.Single<V1Deployment>(service.Name)))));

    public static void Database(Func<MeshService, V1StatefulSet, bool> rule, [CallerArgumentExpression(nameof(rule))] string text = "") =>
        Holds(text, rendering => Topology.Services.Where(service => service.HasDatabase).Select(service => new Case(service.Name, () => rule(service, rendering.Single<V1StatefulSet>($"{service.Name}-database")))));

    /// <param name="cases">What the rule is about in a rendering.</param>
    public static void Holds(string rule, Func<Rendering, IEnumerable<Case>> cases)
    {
        var all = Rendering.Everything.SelectMany(name => cases(Rendering.Of(name)).Select(item => (Where: $"{name}: {item.Name}", Holds: IsSo(item.Holds)))).ToList();
        Assert.NotEmpty(all);
        var broken = all.Where(item => !item.Holds).Select(item => item.Where).ToList();
        Assert.True(broken.Count == 0, $"{rule}{Environment.NewLine}is not so in{Environment.NewLine}  {string.Join($"{Environment.NewLine}  ", broken)}");
    }

    /// <summary>What a rule asks about may not even be there.</summary>
    private static bool IsSo(Func<bool> rule)
    {
        try
        {
            return rule();
        }
        catch (Exception e) when (e is NullReferenceException or ArgumentNullException or InvalidOperationException or KeyNotFoundException or ArgumentOutOfRangeException)
        {
            return false;
        }
    }
}

/// <summary>Something that a rule is about, and whether the rule holds for it.</summary>
internal sealed record Case(string Name, Func<bool> Holds);
