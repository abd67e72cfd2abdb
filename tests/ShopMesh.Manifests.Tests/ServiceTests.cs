using System.Text.RegularExpressions;
using k8s.Models;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>The names that pods find each other by.</summary>
public sealed partial class ServiceTests
{
    [Fact]
    public void It_leads_to_the_pods_of_one_workload_and_to_ports_that_they_have() => Every.Holds(
        "A Service selects one workload, and its target ports are its pods', by name",
        rendering => rendering.All<V1Service>().Select(service => new Case(service.Name(), () => rendering.Workloads.Where(service.Selects).ToList() is [var workload]
            && service.Spec.Ports.All(port => workload.Ports.ContainsKey(port.TargetPort.Value) && port.Name == port.TargetPort.Value && port.Protocol is null or "TCP"))));

    [Fact]
    public void Callers_find_every_pod_of_a_service() => Every.Holds(
        "It is headless, and its ports are those that the code listens on",
        rendering => Topology.Services.Where(service => !service.IsGateway).Select(service => new Case(service.Name, () => rendering.Single<V1Service>(service.Name) is { Spec.ClusterIP: "None" } found
            && found.Spec.Ports.ToDictionary(port => port.Name, port => port.Port).ToHashSet().SetEquals(Sources.PortsOf(service)))));

    [Fact]
    public void The_gateway_is_at_port_80_and_in_the_dev_overlay_at_30080()
    {
        Every.Holds("port 80", rendering => [new Case("gateway", () => rendering.Single<V1Service>(Topology.Gateway) is { Spec: { ClusterIP: null, Ports: [{ Port: 80, Name: "public" }] } })]);
        Assert.True(Rendering.Dev.Single<V1Service>(Topology.Gateway) is { Spec: { Type: "NodePort", Ports: [{ NodePort: 30080 }] } });
        // Not from outside, but by way of the ingress.
        Assert.True(Rendering.Of("overlays/production").Single<V1Service>(Topology.Gateway) is { Spec: { Type: null or "ClusterIP", Ports: [{ NodePort: null }] } });
    }

    /// <summary>In the settings, and in how a client of the mesh finds a service.</summary>
    [Fact]
    public void Every_address_in_the_code_is_that_of_a_Service()
    {
        var settings = Sources.Settings("services/shared/ShopMesh.ServiceDefaults/defaults.json").Concat(Sources.Settings("gateway/appsettings.json"));
        var addresses = settings.Where(setting => setting.Key.EndsWith("__Address", StringComparison.Ordinal)).Select(setting => new Uri((string)setting.Value!)).ToList();
        Assert.Equal(
            ["basket:8081", "catalog:8081", "identity:8080", "identity:8081", "inventory:8081", "ordering:8081", "payment:8081", "shipping:8081"],
            addresses.Select(address => address.Authority).Order(StringComparer.Ordinal));
        Assert.All(addresses, address => Assert.Contains(Rendering.Of("base").Single<V1Service>(address.Host).Spec.Ports, port => port.Port == address.Port));

        var port = int.Parse(MeshAddress().Match(Sources.Read("services/shared/ShopMesh.ServiceDefaults/MeshClients.cs")).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        Assert.All(Topology.Services.SelectMany(service => service.Calls), called => Assert.Equal("grpc", Assert.Single(Rendering.Of("base").Single<V1Service>(called).Spec.Ports, known => known.Port == port).Name));
    }

    [GeneratedRegex(@"dns:///\{service\}:(\d+)")]
    private static partial Regex MeshAddress();
}
