using System.Text.RegularExpressions;
using k8s;
using k8s.Models;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>What holds for every object, whatever it is.</summary>
public sealed partial class ManifestTests
{
    private static readonly string[] WithoutNamespace = [V1Namespace.KubeKind, V1PersistentVolume.KubeKind, V1StorageClass.KubeKind];

    public static TheoryData<string> Renderings => [.. Rendering.Everything];

    public static TheoryData<string> Components => [.. Rendering.Components];

    [Theory, MemberData(nameof(Renderings))]
    public void It_renders_and_each_object_has_the_fields_of_its_type(string rendering) => Assert.NotEmpty(Rendering.Of(rendering).Objects);

    [Theory]
    [InlineData("minReadySeconds:", "minReadySecond:")]
    [InlineData("failureThreshold:", "failureTreshold:")]
    [InlineData("secretKeyRef:", "secretRef:")]
    [InlineData("kind: StatefulSet", "kind: StatefullSet")]
    [InlineData("apiVersion: apps/v1", "apiVersion: apps/v1beta1")]
    [InlineData("replicas: 1", "replicas: one")]
    [InlineData("memory: 320Mi", "memory: 320Mib")]
    [InlineData("DemoData: \"true\"", "DemoData: true")]
    [InlineData("runAsNonRoot: true", "runAsNonRoot: true\n          runAsNonRoot: false")]
    public void A_typo_is_not_passed_over(string right, string wrong)
    {
        var text = Rendering.Dev.Text;
        var at = text.IndexOf(right, StringComparison.Ordinal);
        Assert.True(at >= 0, $"The manifests do not have '{right}' any more.");
        Assert.ThrowsAny<Exception>(() => Rendering.Parse($"{text[..at]}{wrong}{text[(at + right.Length)..]}"));
    }

    [Theory, MemberData(nameof(Components))]
    public void A_component_says_what_it_is_for(string component) =>
        Assert.StartsWith($"# {component}\n", Sources.Read($"k8s/components/{component}/README.md"), StringComparison.Ordinal);

    [Fact]
    public void The_base_knows_no_namespace_and_every_overlay_is_in_the_shops()
    {
        Assert.All(Rendering.Of("base").Objects, item => Assert.Null(item.Namespace()));
        foreach (var overlay in Rendering.Everything.Except(["base"]).Select(Rendering.Of))
        {
            Assert.Equal("shopmesh", Assert.Single(overlay.All<V1Namespace>()).Name());
            Assert.All(overlay.Objects.Where(item => !WithoutNamespace.Contains(item.Kind)), item => Assert.Equal("shopmesh", item.Namespace()));
        }
    }

    [Fact]
    public void The_namespace_admits_nothing_but_restricted_pods() =>
        Assert.All(Rendering.Overlays.Select(Rendering.Of), overlay => Assert.Equal("restricted", Assert.Single(overlay.All<V1Namespace>()).Labels()["pod-security.kubernetes.io/enforce"]));

    [Fact]
    public void Every_object_is_labelled_as_part_of_the_shop()
    {
        Every.Holds("part-of: shopmesh", rendering => rendering.Objects.Select(item => new Case($"{item.Kind} {item.Name()}", () => item.GetLabel("app.kubernetes.io/part-of") == "shopmesh")));
        Every.Workload(workload => workload.Labels["app.kubernetes.io/part-of"] == "shopmesh");
        Every.Workload(workload => workload.Object.Labels().Count == 3 && workload.Object.Labels().All(label => workload.Labels[label.Key] == label.Value));
        Every.Service((service, deployment) => deployment.GetLabel("app.kubernetes.io/name") == service.Name && deployment.GetLabel("app.kubernetes.io/component") == "service");
        Every.Database((service, set) => set.GetLabel("app.kubernetes.io/name") == service.Name && set.GetLabel("app.kubernetes.io/component") == "database");
    }

    [Fact]
    public void A_selector_selects_its_own_pods_and_no_others() => Every.Holds(
        "It selects the pods of its template alone",
        rendering => rendering.Workloads.Where(workload => workload.Object is not V1Job)
            .Select(workload => new Case($"{workload}", () => rendering.Workloads.Where(other => workload.Selector!.Selects(other.Labels)).SequenceEqual([workload]))));

    [Fact]
    public void What_a_pod_refers_to_is_there()
    {
        Every.Holds("ServiceAccounts and ConfigMaps that a pod names are there", rendering => rendering.Workloads.Select(workload => new Case($"{workload}", () => AreThere(rendering, workload))));
        Every.Holds("What is mounted is a volume, and every volume is mounted", rendering => rendering.Workloads.Select(workload => new Case($"{workload}", () => MountsAndVolumesAgree(workload))));
        Every.Container(container => container.Env == null || container.Env.Index().All(variable =>
            VariableReference().Matches(variable.Item.Value ?? "").All(reference => container.Env.Take(variable.Index).Any(earlier => earlier.Name == reference.Groups[1].Value))));
    }

    [Fact]
    public void Secrets_are_made_by_the_dev_overlay_and_by_nothing_else()
    {
        Assert.Empty(Rendering.Of("base").All<V1Secret>());
        Assert.Empty(Rendering.Of("overlays/production").All<V1Secret>());
        var made = Rendering.Dev.All<V1Secret>().SelectMany(secret => secret.Data.Keys.Select(key => $"{secret.Name()}/{key}")).Order();
        Assert.Equal(made, SecretsOf(Rendering.Dev));
    }

    /// <summary>Its commands, with one line per database in a loop over their names.</summary>
    [Fact]
    public void Productions_readme_makes_the_secrets_that_production_needs()
    {
        var readme = Sources.Read("k8s/overlays/production/README.md");
        var databases = DatabaseLoop().Match(readme).Groups[1].Value.Split(' ');
        var made = SecretCommand().Matches(readme)
            .SelectMany(command => SecretKey().Matches(command.Groups[2].Value).Select(key => $"{command.Groups[1].Value}/{key.Groups[1].Value}"))
            .SelectMany(secret => secret.StartsWith("$service", StringComparison.Ordinal) ? databases.Select(database => secret.Replace("$service", database, StringComparison.Ordinal)) : [secret]);
        Assert.Equal(SecretsOf(Rendering.Of("overlays/production")), made.Order());
    }

    [Fact]
    public void The_base_and_the_dev_overlay_apply_to_Kubernetes_1_20()
    {
        // Kinds by their versions of 1.20; and fields of pods and Services that came later.
        string[] kinds = ["v1", "apps/v1"];
        string[] later = ["grpc", "sleep", "os", "hostUsers", "schedulingGates", "resizePolicy", "stopSignal", "restartPolicy", "matchLabelKeys", "nodeAffinityPolicy", "internalTrafficPolicy", "trafficDistribution", "loadBalancerClass", "persistentVolumeClaimRetentionPolicy", "appArmorProfile"];
        Assert.All(new[] { Rendering.Of("base"), Rendering.Dev }, rendering =>
        {
            Assert.All(rendering.Objects, item => Assert.Contains(item.ApiVersion, kinds));
            Assert.All(later, field => Assert.DoesNotMatch($@"(?m)^[ -]*{field}:", rendering.Text));
            Assert.All(rendering.All<V1StatefulSet>(), set => Assert.Null(set.Spec.MinReadySeconds));
        });
    }

    [Theory, MemberData(nameof(Components))]
    public void A_component_needs_no_more_than_Kubernetes_1_23(string component)
    {
        string[] kinds = ["v1", "apps/v1", "autoscaling/v2", "batch/v1", "networking.k8s.io/v1", "policy/v1", "storage.k8s.io/v1"];
        Assert.All(Rendering.Of($"overlays/dev + {component}").Objects, item => Assert.Contains(item.ApiVersion, kinds));
    }

    [Fact]
    public void An_image_has_a_version_and_is_pulled_only_where_it_is_not()
    {
        Every.Container(container => Image().IsMatch(container.Image) && !container.Image.EndsWith(":latest", StringComparison.Ordinal));
        Every.Container(container => container.ImagePullPolicy == null || container.ImagePullPolicy == "IfNotPresent");
    }

    [Fact]
    public void The_images_of_the_dev_overlay_are_those_that_are_built_here() => Assert.All(
        Topology.Services,
        service => Assert.All(Workload.From(Rendering.Dev.Single<V1Deployment>(service.Name))!.Containers, container => Assert.Equal($"shopmesh/{service.Name}:dev", container.Image)));

    [Fact]
    public void Production_takes_the_same_images_from_one_registry_in_one_version()
    {
        var production = Rendering.Of("overlays/production");
        var version = Assert.Single(Topology.Services.SelectMany(service => Workload.From(production.Single<V1Deployment>(service.Name))!.Containers.Select(container =>
        {
            var (name, tag) = (container.Image.Split(':')[0], container.Image.Split(':')[1]);
            Assert.EndsWith($"/shopmesh/{service.Name}", name, StringComparison.Ordinal);
            return (name[..^service.Name.Length], tag);
        })).Distinct());
        Assert.NotEqual("dev", version.tag);
    }

    private static bool AreThere(Rendering rendering, Workload workload)
    {
        var maps = rendering.All<V1ConfigMap>().ToDictionary(map => map.Name());
        return (workload.Pod.ServiceAccountName is not { } account || rendering.All<V1ServiceAccount>().Any(known => known.Name() == account))
            && workload.Containers.SelectMany(container => container.EnvFrom ?? []).All(source => source is { ConfigMapRef: { Optional: null } map, SecretRef: null } && maps.ContainsKey(map.Name))
            && (workload.Pod.Volumes ?? []).All(volume => volume.ConfigMap is not { } map || maps.ContainsKey(map.Name));
    }

    private static bool MountsAndVolumesAgree(Workload workload)
    {
        var claims = workload.Object is V1StatefulSet set ? set.Spec.VolumeClaimTemplates.Select(claim => claim.Name()) : [];
        var volumes = (workload.Pod.Volumes ?? []).Select(volume => volume.Name).Concat(claims);
        return workload.Containers.SelectMany(container => container.VolumeMounts ?? []).Select(mount => mount.Name).ToHashSet().SetEquals(volumes);
    }

    private static IEnumerable<string> SecretsOf(Rendering rendering)
    {
        var variables = rendering.Workloads.SelectMany(workload => workload.Containers).SelectMany(container => container.Env ?? []).Select(variable => variable.ValueFrom?.SecretKeyRef);
        return variables.OfType<V1SecretKeySelector>().Select(secret => $"{secret.Name}/{secret.Key}").Distinct().Order();
    }

    [GeneratedRegex(@"\$\((\w+)\)")]
    private static partial Regex VariableReference();

    [GeneratedRegex(@"^([\w.-]+/)*[\w-]+:[\w.-]+$")]
    private static partial Regex Image();

    [GeneratedRegex("for service in ([a-z ]+); do")]
    private static partial Regex DatabaseLoop();

    [GeneratedRegex(@"create secret generic (\S+)(.*)")]
    private static partial Regex SecretCommand();

    [GeneratedRegex("--from-literal=([a-z]+)=")]
    private static partial Regex SecretKey();
}
