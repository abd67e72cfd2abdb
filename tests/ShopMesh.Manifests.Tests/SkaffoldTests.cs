using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using k8s.Models;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>What skaffold builds, applies and forwards, with each of its profiles.</summary>
public sealed class SkaffoldTests
{
    private const string SchemaVariable = "SHOPMESH_SKAFFOLD_SCHEMA";

    private static JsonObject Skaffold => Assert.Single(Yaml.Documents(Sources.Read("skaffold.yaml")));

    public static TheoryData<string> Profiles => ["", .. Skaffold["profiles"]!.AsArray().Select(profile => (string)profile!["name"]!)];

    /// <summary>Skaffold's own schema, which is large and public: https://github.com/GoogleContainerTools/skaffold, docs-v2/content/en/schemas.</summary>
    [Fact]
    public void It_is_what_skaffolds_schema_allows()
    {
        var version = ((string)Skaffold["apiVersion"]!).Split('/')[1];
        var file = Environment.GetEnvironmentVariable(SchemaVariable) is { Length: > 0 } named ? named : Path.Combine(Repository.Root, "..", "shared", "schemas", $"skaffold-{version}.json");
        if (!File.Exists(file))
            Assert.Skip($"skaffold's schema {version} is not on this machine: {SchemaVariable} says where it is");
        var results = JsonSchema.FromFile(file).Evaluate(Skaffold, new() { OutputFormat = OutputFormat.List });
        Assert.True(results.IsValid, string.Join(Environment.NewLine, results.Details.Where(detail => detail.Errors is not null).SelectMany(detail => detail.Errors!.Values.Select(error => $"{detail.InstanceLocation}: {error}"))));
    }

    [Fact]
    public void Every_service_is_an_artifact_of_its_Dockerfile() => Assert.Equal(
        Topology.Services.Select(service => ($"shopmesh/{service.Name}", $"{service.Folder}/Dockerfile", "host")).Order(),
        Skaffold["build"]!["artifacts"]!.AsArray().Select(artifact => ((string)artifact!["image"]!, (string)artifact["docker"]!["dockerfile"]!, (string)artifact["docker"]!["network"]!)).Order());

    [Theory, MemberData(nameof(Profiles))]
    public void What_it_applies_is_an_overlay_whose_images_it_builds(string profile)
    {
        var skaffold = With(profile);
        var artifacts = skaffold["build"]!["artifacts"]!.AsArray().Select(artifact => (string)artifact!["image"]!).ToList();
        var path = (string)Assert.Single(skaffold["manifests"]!["kustomize"]!["paths"]!.AsArray())!;
        Assert.Contains(path, Rendering.Overlays.Select(overlay => $"k8s/{overlay}"));
        var images = Rendering.Of(path["k8s/".Length..]).Workloads.SelectMany(workload => workload.Containers).Select(container => container.Image.Split(':')[0]).Where(image => image.StartsWith("shopmesh/", StringComparison.Ordinal));
        Assert.Equal(artifacts.Order(), images.Distinct().Order());
    }

    [Theory, MemberData(nameof(Profiles))]
    public void What_it_forwards_are_ports_of_Services(string profile)
    {
        var skaffold = With(profile);
        var rendering = Rendering.Of(((string)skaffold["manifests"]!["kustomize"]!["paths"]![0]!)["k8s/".Length..]);
        var forwards = skaffold["portForward"]!.AsArray();
        Assert.All(forwards, forward =>
        {
            Assert.Equal("service", (string?)forward!["resourceType"]);
            var service = rendering.Single<V1Service>((string)forward["resourceName"]!);
            Assert.Equal(service.Namespace(), (string?)forward["namespace"]);
            Assert.Contains((int)forward["port"]!, service.Spec.Ports.Select(port => port.Port));
        });
        Assert.Equal(8080, (int)Assert.Single(forwards, forward => (string?)forward!["resourceName"] == Topology.Gateway)!["localPort"]!);
    }

    /// <summary>The configuration with a profile's patches in it, which skaffold has as RFC 6902 has them.</summary>
    private static JsonObject With(string profile)
    {
        var skaffold = Skaffold;
        var patches = skaffold["profiles"]!.AsArray().SingleOrDefault(known => (string?)known!["name"] == profile)?["patches"]?.AsArray() ?? [];
        foreach (var patch in patches)
        {
            var path = ((string)patch!["path"]!).Split('/')[1..];
            var parent = path[..^1].Aggregate((JsonNode)skaffold, (node, part) => node[part] ?? throw new JsonException($"There is no {part} at {patch["path"]}."));
            switch ((string?)patch["op"], path[^1])
            {
                case ("add", "-"):
                    parent.AsArray().Add(patch["value"]!.DeepClone());
                    break;
                case ("replace", var index):
                    parent.AsArray()[int.Parse(index, System.Globalization.CultureInfo.InvariantCulture)] = patch["value"]!.DeepClone();
                    break;
                default:
                    throw new JsonException($"A patch that this does not know how to apply: {patch}");
            }
        }

        return skaffold;
    }
}
