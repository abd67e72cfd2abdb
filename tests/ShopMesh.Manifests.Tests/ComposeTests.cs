using System.Text;
using System.Text.RegularExpressions;
using k8s.Models;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>The same shop as on a cluster, in containers on one machine.</summary>
public sealed partial class ComposeTests
{
    private readonly ComposeFile _compose = ComposeFile.Read();

    public static TheoryData<string> Services => [.. Topology.Services.Select(service => service.Name)];

    public static TheoryData<string> Databases => [.. Topology.Services.Where(service => service.HasDatabase).Select(service => service.Name)];

    [Fact]
    public void Every_service_and_every_database_is_in_it() => Assert.Equal(
        Topology.Services.SelectMany(service => service.HasDatabase ? new[] { service.Name, $"{service.Name}-database" } : [service.Name]).Order(),
        _compose.Always.Order());

    [Theory, MemberData(nameof(Services))]
    public void A_service_is_the_image_of_its_Dockerfile(string name)
    {
        Assert.Equal($"shopmesh/{name}:dev", _compose.Services[name].Image);
        Assert.Equal(new(".", $"{Topology.Service(name).Folder}/Dockerfile", "host"), _compose.Services[name].Build);
    }

    /// <summary>But for its drain, which has a purpose only beside a second pod; and it migrates by itself, where a pod has an init container for it.</summary>
    [Theory, MemberData(nameof(Services))]
    public void It_is_told_what_its_pod_in_the_dev_overlay_is_told(string name)
    {
        var container = Rendering.Dev.Single<V1Deployment>(name).Spec.Template.Spec.Containers.Single();
        var wanted = new Dictionary<string, string>(Rendering.Dev.ConfigMap("shopmesh"))
        {
            ["MigrateOnStart"] = "true",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "${OTEL_EXPORTER_OTLP_ENDPOINT:-}",
        };
        foreach (var variable in container.Env ?? [])
            wanted[variable.Name] = variable.ValueFrom is null ? Reference().Replace(variable.Value, reference => wanted[reference.Groups[1].Value]) : SecretOf(variable.ValueFrom.SecretKeyRef);
        wanted.Remove("Shutdown__Drain");
        wanted.Remove("DATABASE_PASSWORD");
        Assert.Equal(wanted.OrderBy(setting => setting.Key, StringComparer.Ordinal), _compose.Services[name].Environment.OrderBy(setting => setting.Key, StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Services))]
    public void It_is_as_confined_as_its_pod_and_has_the_time_of_its_longest_request(string name)
    {
        var service = _compose.Services[name];
        Assert.True(service.ReadOnly);
        Assert.Equal(["/tmp"], service.Tmpfs);
        Assert.Equal(["ALL"], service.CapDrop);
        Assert.Equal(["no-new-privileges:true"], service.SecurityOpt);
        Assert.True(Seconds(service.StopGracePeriod!) >= Sources.LongestRequest.TotalSeconds + 5);
    }

    /// <summary>By the image's own program: there is no shell in it.</summary>
    [Theory, MemberData(nameof(Services))]
    public void Its_health_is_its_readiness(string name)
    {
        Assert.Equal(["CMD", "dotnet", $"{Topology.Service(name).Assembly}.dll", "health"], _compose.Services[name].Healthcheck!.Test);
        Assert.Contains("args is not [\"health\"]", Sources.Read("services/shared/ShopMesh.ServiceDefaults/Operations.cs"), StringComparison.Ordinal);
    }

    [Fact]
    public void Databases_start_first_then_services_then_the_gateway() => Assert.All(Topology.Services, service =>
    {
        var others = service.IsGateway ? Topology.Services.Where(other => !other.IsGateway).Select(other => other.Name) : [$"{service.Name}-database"];
        Assert.Equal(others.Order(), _compose.Services[service.Name].DependsOn.Keys.Order());
        Assert.All(_compose.Services[service.Name].DependsOn.Values, dependency => Assert.Equal("service_healthy", dependency.Condition));
    });

    [Theory, MemberData(nameof(Databases))]
    public void A_database_is_the_clusters_on_a_named_volume(string owner)
    {
        var database = _compose.Services[$"{owner}-database"];
        var set = Rendering.Dev.Single<V1StatefulSet>($"{owner}-database").Spec.Template.Spec.Containers.Single();
        Assert.Equal(set.Image, database.Image);
        Assert.Equal([$"{owner}:{set.VolumeMounts.Single(mount => mount.Name == "data").MountPath}"], database.Volumes);
        Assert.Contains(owner, _compose.Volumes);
        Assert.Equal(["CMD", .. set.ReadinessProbe.Exec.Command], database.Healthcheck!.Test);
        // What PostgreSQL calls a fast shutdown.
        Assert.Equal("SIGINT", database.StopSignal);
        var wanted = set.Env.Where(variable => variable.Name != "PGDATA").ToDictionary(variable => variable.Name, variable => variable.Value ?? SecretOf(variable.ValueFrom.SecretKeyRef));
        Assert.Equal(wanted.OrderBy(setting => setting.Key, StringComparer.Ordinal), database.Environment.OrderBy(setting => setting.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void What_ends_is_started_again() => Assert.All(_compose.Always, name => Assert.Equal("unless-stopped", _compose.Services[name].Restart));

    [Fact]
    public void Every_volume_is_a_databases() => Assert.Equal(Topology.Services.Where(service => service.HasDatabase).Select(service => service.Name).Order(), _compose.Volumes.Keys.Order());

    [Fact]
    public void The_gateway_alone_is_reached_from_outside_at_8080()
    {
        Assert.Equal([$"8080:{Sources.PortsOf(Topology.Service(Topology.Gateway))["public"]}"], _compose.Services[Topology.Gateway].Ports);
        Assert.All(_compose.Always.Except([Topology.Gateway]), name => Assert.Empty(_compose.Services[name].Ports));
    }

    [Fact]
    public void Checks_leave_a_service_the_time_to_start() => Assert.All(_compose.Always, name =>
    {
        var check = _compose.Services[name].Healthcheck!;
        Assert.True(Seconds(check.StartPeriod) >= 60 && Seconds(check.StartInterval) <= 5 && Seconds(check.Timeout) <= Seconds(check.Interval) && check.Retries > 0);
    });

    [Fact]
    public void What_a_profile_adds_has_a_version_and_is_made_of_files_that_are_there()
    {
        Assert.All(_compose.Services.Values.Where(service => service.Profiles is not null), service =>
        {
            Assert.True(Assert.Single(service.Profiles!) is "load" or "observability");
            Assert.Matches(@":[\w.-]+$", service.Image);
            Assert.DoesNotMatch(":latest$", service.Image);
            if (service.Build is not null)
                Assert.True(File.Exists(Path.Combine(Repository.Root, service.Build.Dockerfile)));
            Assert.All(service.DependsOn.Keys, other => Assert.Contains(other, _compose.Services));
            Assert.All(service.Volumes, volume => Assert.True(File.Exists(Path.Combine(Repository.Root, volume.Split(':')[0]))));
        });
    }

    [Fact]
    public void Observability_is_the_component_of_that_name()
    {
        var rendering = Rendering.Of("overlays/dev + observability");
        Assert.Equal(["collector", "viewer"], _compose.Services.Where(service => service.Value.Profiles?.Contains("observability") == true).Select(service => service.Key).Order());
        foreach (var name in new[] { "collector", "viewer" })
        {
            var container = rendering.Single<V1Deployment>(name).Spec.Template.Spec.Containers.Single();
            Assert.Equal(container.Image, _compose.Services[name].Image);
            Assert.Equal(container.Args ?? [], _compose.Services[name].Command);
            Assert.Equal((container.Env ?? []).Select(variable => (variable.Name, variable.Value)), _compose.Services[name].Environment.Select(variable => (variable.Key, variable.Value)));
        }

        var ports = Workload.From(rendering.Single<V1Deployment>("viewer"))!.Ports;
        Assert.Equal([$"127.0.0.1:{ports["pages"]}:{ports["pages"]}"], _compose.Services["viewer"].Ports);
        Assert.Equal([$"./k8s/components/observability/collector-config.yaml:{_compose.Services["collector"].Command[0].Split('=')[1]}:ro"], _compose.Services["collector"].Volumes);
        // How the file says that it is switched on.
        Assert.Contains($"OTEL_EXPORTER_OTLP_ENDPOINT={rendering.ConfigMap("shopmesh")["OTEL_EXPORTER_OTLP_ENDPOINT"]} docker compose --profile observability", Sources.Read("docker-compose.yml"), StringComparison.Ordinal);
    }

    private static string SecretOf(V1SecretKeySelector selector) => Encoding.UTF8.GetString(Rendering.Dev.Single<V1Secret>(selector.Name).Data[selector.Key]);

    private static double Seconds(string duration) => Duration().Match(duration) is { Success: true } match
        ? int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture) * (match.Groups[2].Value == "m" ? 60 : 1)
        : throw new FormatException($"'{duration}' is no duration of seconds or minutes.");

    [GeneratedRegex("^([0-9]+)(s|m)$")]
    private static partial Regex Duration();

    [GeneratedRegex(@"\$\((\w+)\)")]
    private static partial Regex Reference();
}
