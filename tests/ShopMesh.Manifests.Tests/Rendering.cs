using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>What <c>kubectl kustomize</c> makes of the manifests: every object in its typed model.</summary>
internal sealed class Rendering
{
    private static readonly ConcurrentDictionary<string, Lazy<Rendering>> Made = new();

    private static readonly Dictionary<(string ApiVersion, string Kind), Type> Models = typeof(V1Pod).Assembly.GetTypes()
        .Select(type => (Type: type, Entity: type.GetCustomAttribute<KubernetesEntityAttribute>()))
        .Where(model => model.Entity is not null && model.Type.IsAssignableTo(typeof(IKubernetesObject<V1ObjectMeta>)))
        .ToDictionary(model => (string.IsNullOrEmpty(model.Entity!.Group) ? model.Entity.ApiVersion : $"{model.Entity.Group}/{model.Entity.ApiVersion}", model.Entity.Kind), model => model.Type);

    private Rendering(string text)
    {
        Text = text;
        Objects = Parse(text);
        Workloads = [.. Objects.Select(Workload.From).OfType<Workload>()];
    }

    public static IReadOnlyList<string> Components { get; } = FoldersOf("components");

    public static IReadOnlyList<string> Overlays { get; } = [.. FoldersOf("overlays").Select(overlay => $"overlays/{overlay}")];

    /// <summary>Everything that somebody may apply: the base, each overlay, and the dev overlay with each component and with all of them.</summary>
    public static IReadOnlyList<string> Everything { get; } = ["base", .. Overlays, .. Components.Select(component => $"overlays/dev + {component}"), $"overlays/dev + {string.Join(" + ", Components)}"];

    public static Rendering Dev => Of("overlays/dev");

    public string Text { get; }

    public IReadOnlyList<IKubernetesObject<V1ObjectMeta>> Objects { get; }

    /// <summary>What runs pods.</summary>
    public IReadOnlyList<Workload> Workloads { get; }

    /// <param name="name">A folder of <c>k8s/</c>, and components to add: <c>overlays/dev + autoscaling + ingress</c>.</param>
    public static Rendering Of(string name) => Made.GetOrAdd(name, _ => new(() => Render(name))).Value;

    /// <exception cref="JsonException">An object has a field that its type has not, or one of another type.</exception>
    /// <exception cref="KeyNotFoundException">There is no such kind of object.</exception>
    public static IReadOnlyList<IKubernetesObject<V1ObjectMeta>> Parse(string text) =>
        [.. Yaml.Documents(text).Select(document => (IKubernetesObject<V1ObjectMeta>)document.Deserialize(Models[(Field(document, "apiVersion"), Field(document, "kind"))], Yaml.Strict)!)];

    public IEnumerable<T> All<T>() => Objects.OfType<T>();

    public T Single<T>(string name) where T : IKubernetesObject<V1ObjectMeta> => All<T>().Single(item => item.Name() == name);

    /// <summary>What containers get of a ConfigMap, by the name that the manifests have for it: kustomize appends a hash.</summary>
    public IDictionary<string, string> ConfigMap(string name) => All<V1ConfigMap>().Single(map => map.Name().StartsWith($"{name}-", StringComparison.Ordinal)).Data;

    private static Rendering Render(string name)
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "kubectl"))))
            Assert.Skip("kubectl, which renders the manifests, is not on this machine");
        var parts = name.Split(" + ");
        var folder = Path.Combine(Repository.Root, "k8s", parts[0]);
        return new(parts.Length == 1 ? Kustomize(folder) : KustomizeWith(folder, parts[1..]));
    }

    private static string KustomizeWith(string overlay, IReadOnlyList<string> components)
    {
        var folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "renderings", Guid.NewGuid().ToString("N"))).FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "kustomization.yaml"), $"""
                apiVersion: kustomize.config.k8s.io/v1beta1
                kind: Kustomization
                namespace: shopmesh
                resources: [{Path.GetRelativePath(folder, overlay)}]
                components: [{string.Join(", ", components.Select(component => Path.GetRelativePath(folder, Path.Combine(Repository.Root, "k8s", "components", component))))}]
                """);
            return Kustomize(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Kustomize(string folder)
    {
        using var process = Process.Start(new ProcessStartInfo("kubectl", ["kustomize", folder]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"kubectl kustomize {folder}: {error.Result}");
        return output;
    }

    private static string Field(JsonObject document, string name) => (string?)document[name] ?? throw new JsonException($"An object without {name}.");

    private static string[] FoldersOf(string kind) =>
        [.. Directory.EnumerateDirectories(Path.Combine(Repository.Root, "k8s", kind)).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];
}

/// <summary>A Deployment, a StatefulSet or a Job: something that runs pods.</summary>
internal sealed record Workload(IKubernetesObject<V1ObjectMeta> Object, V1LabelSelector? Selector, V1PodTemplateSpec Template)
{
    public string Name => Object.Name();

    public V1PodSpec Pod => Template.Spec;

    public IDictionary<string, string> Labels => Template.Metadata.Labels;

    public IEnumerable<V1Container> Containers => [.. Pod.InitContainers ?? [], .. Pod.Containers];

    /// <summary>The ports of its pods, by name.</summary>
    public IReadOnlyDictionary<string, int> Ports => Pod.Containers.SelectMany(container => container.Ports ?? []).ToDictionary(port => port.Name, port => port.ContainerPort);

    public static Workload? From(IKubernetesObject<V1ObjectMeta> item) => item switch
    {
        V1Deployment deployment => new(item, deployment.Spec.Selector, deployment.Spec.Template),
        V1StatefulSet set => new(item, set.Spec.Selector, set.Spec.Template),
        V1Job job => new(item, job.Spec.Selector, job.Spec.Template),
        _ => null,
    };

    public override string ToString() => $"{Object.Kind} {Name}";
}
