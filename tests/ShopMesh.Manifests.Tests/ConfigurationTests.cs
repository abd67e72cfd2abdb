using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using k8s.Models;
using Npgsql;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>What containers are told by their environment, and who reads it.</summary>
public sealed partial class ConfigurationTests
{
    private const string Defaults = "services/shared/ShopMesh.ServiceDefaults";

    /// <summary>What may be set beside the files of settings: the code that reads it.</summary>
    private static readonly Dictionary<string, (string File, string Code)> ReadByCode = new()
    {
        ["ConnectionStrings__Database"] = ($"{Defaults}/Database.cs", "GetConnectionString(\"Database\")"),
        ["MigrateOnStart"] = ($"{Defaults}/Database.cs", "GetValue<bool>(\"MigrateOnStart\")"),
        ["DemoData"] = ($"{Defaults}/Database.cs", "GetValue<bool>(\"DemoData\")"),
        ["Shutdown__Drain"] = ($"{Defaults}/Operations.cs", "GetValue(\"Shutdown:Drain\""),
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = ($"{Defaults}/Telemetry.cs", "Configuration[\"OTEL_EXPORTER_OTLP_ENDPOINT\"]"),
        ["Identity__ClientSecret"] = ($"{Defaults}/ServiceToken.cs", "configuration[\"Identity:ClientSecret\"]"),
        ["Identity__Clients__*"] = ("services/identity/Clients.cs", "[$\"Identity:Clients:{service}\"]"),
        ["Identity__Key"] = ("services/identity/Keys/KeyProtection.cs", "configuration[\"Identity:Key\"]"),
        ["Identity__Admin__Email"] = ("services/identity/Preparation.cs", "configuration[\"Identity:Admin:Email\"]"),
        ["Identity__Admin__Password"] = ("services/identity/Preparation.cs", "configuration[\"Identity:Admin:Password\"]"),
        ["ForwardedHeaders__KnownNetworks__*"] = ("gateway/Limits.cs", "GetSection(\"ForwardedHeaders:KnownNetworks\")"),
    };

    private static readonly string[] SettingsFiles = [$"{Defaults}/defaults.json", "gateway/appsettings.json", "services/shipping/appsettings.json"];

    /// <summary>Whether anybody reads a variable: the code, by one of its keys, or the runtime.</summary>
    public static bool IsRead(string variable) => LocalShop.Runtime.ContainsKey(variable)
        || ReadByCode.ContainsKey(variable) || ReadByCode.ContainsKey(LastPart().Replace(variable, "__*"))
        || SettingsFiles.Any(file => Sources.Settings(file).ContainsKey(variable));

    [Fact]
    public void The_code_reads_what_this_test_says_it_reads() =>
        Assert.All(ReadByCode.Values, read => Assert.Contains(read.Code, Sources.Read(read.File), StringComparison.Ordinal));

    [Fact]
    public void A_service_is_told_what_it_needs_and_nothing_else() => Assert.All(
        Topology.Services,
        service => Assert.All(
            Workload.From(Rendering.Of("base").Single<V1Deployment>(service.Name))!.Containers,
            container => Assert.Equal(VariablesOf(service).Order(), (container.Env ?? []).Select(variable => variable.ValueFrom is null ? variable.Name : $"{variable.Name} from {variable.ValueFrom.SecretKeyRef.Name}/{variable.ValueFrom.SecretKeyRef.Key}").Order())));

    [Fact]
    public void Every_service_has_the_settings_that_all_share() => Every.Service((service, deployment) =>
        Workload.From(deployment)!.Containers.All(container => container.EnvFrom.Single().ConfigMapRef.Name.Split('-')[0] == "shopmesh" && container.EnvFrom.Single().Prefix == null));

    [Fact]
    public void Every_variable_is_read_by_the_code_or_by_another_variable() => Every.Holds(
        "Somebody reads it",
        rendering => Topology.Services.SelectMany(service => Workload.From(rendering.Single<V1Deployment>(service.Name))!.Containers.SelectMany(container =>
            (container.Env ?? []).Select(variable => new Case($"{service.Name}, {variable.Name}", () => IsRead(variable.Name) || container.Env!.Any(other => other.Value?.Contains($"$({variable.Name})", StringComparison.Ordinal) == true)))))
            .Concat(rendering.ConfigMap("shopmesh").Keys.Select(key => new Case($"ConfigMap shopmesh, {key}", () => IsRead(key)))));

    [Fact]
    public void A_service_connects_to_its_own_database_with_its_own_password() => Every.Service((service, deployment) => !service.HasDatabase || Workload.From(deployment)!.Containers.All(container =>
    {
        var connection = new NpgsqlConnectionStringBuilder(container.Env.Single(variable => variable.Name == "ConnectionStrings__Database").Value);
        return connection.Host == $"{service.Name}-database" && connection.Port == 5432 && connection.Database == service.Name && connection.Username == service.Name
            && connection.Password == "$(DATABASE_PASSWORD)" && connection.Count == 5 && connection.MaxPoolSize > 0;
    }));

    [Fact]
    public void Settings_have_values_that_the_code_understands()
    {
        Assert.All(Rendering.Everything.Select(Rendering.Of), rendering =>
        {
            var settings = rendering.ConfigMap("shopmesh");
            Assert.True(TimeSpan.TryParseExact(settings["Shutdown__Drain"], "c", CultureInfo.InvariantCulture, out _));
            Assert.All(settings.Where(setting => setting.Key == "DemoData"), setting => Assert.True(bool.Parse(setting.Value)));
            Assert.Equal(LocalShop.Runtime.OrderBy(setting => setting.Key, StringComparer.Ordinal), settings.Where(setting => setting.Key.StartsWith("DOTNET_", StringComparison.Ordinal)).OrderBy(setting => setting.Key, StringComparer.Ordinal));
            Assert.All(settings.Where(setting => setting.Key.StartsWith("ForwardedHeaders__KnownNetworks__", StringComparison.Ordinal)), setting => IPNetwork.Parse(setting.Value));
        });
        Assert.False(Rendering.Of("overlays/production").ConfigMap("shopmesh").ContainsKey("DemoData"));
    }

    [Fact]
    public void The_dev_overlays_secrets_fit_each_other()
    {
        var secrets = Rendering.Dev.All<V1Secret>().ToDictionary(secret => secret.Name()[..secret.Name().LastIndexOf('-')], secret => secret.Data);
        Assert.Equal(Topology.Services.Where(service => service.HasDatabase).Select(service => $"{service.Name}-database").Concat(["identity-clients", "identity-key"]).Order(), secrets.Keys.Order());
        Assert.Equal(Topology.Services.Where(service => service.IsClient).Select(service => service.Name).Order(), secrets["identity-clients"].Keys.Order());
        Assert.Equal(32, Convert.FromBase64String(System.Text.Encoding.UTF8.GetString(secrets["identity-key"]["key"])).Length);
    }

    private static IEnumerable<string> VariablesOf(MeshService service)
    {
        if (service.HasDatabase)
        {
            yield return $"DATABASE_PASSWORD from {service.Name}-database/password";
            yield return "ConnectionStrings__Database";
        }

        if (service.IsClient)
            yield return $"Identity__ClientSecret from identity-clients/{service.Name}";
        if (service.Name == "identity")
        {
            yield return "Identity__Key from identity-key/key";
            foreach (var client in Topology.Services.Where(client => client.IsClient))
                yield return $"Identity__Clients__{client.Name} from identity-clients/{client.Name}";
        }
    }

    [GeneratedRegex("__[a-z0-9]+$")]
    private static partial Regex LastPart();
}
