using k8s.Models;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>The rules for every database.</summary>
public sealed class DatabaseTests
{
    private const string DataDirectory = "/var/lib/postgresql/data/pgdata";

    [Fact]
    public void There_is_one_for_every_service_that_owns_data() => Assert.Equal(
        Topology.Services.Where(service => service.HasDatabase).Select(service => $"{service.Name}-database").Order(),
        Rendering.Of("base").All<V1StatefulSet>().Select(set => set.Name()).Order());

    [Fact]
    public void It_is_one_PostgreSQL_17() => Every.Database((service, set) => set.Spec.Replicas == 1 && Postgres(set).Image == "postgres:17");

    [Fact]
    public void Its_data_are_in_a_folder_of_a_volume_of_its_own()
    {
        Every.Database((service, set) => set.Spec.VolumeClaimTemplates.Single().Name() == "data" && set.Spec.VolumeClaimTemplates.Single().Spec.AccessModes.Single() == "ReadWriteOnce");
        Every.Database((service, set) => set.Spec.VolumeClaimTemplates.Single().Spec.Resources.Requests["storage"].ToDecimal() >= 1 << 30);
        Every.Database((service, set) => Variable(set, "PGDATA") == DataDirectory && MountOf(set, "data") == Path.GetDirectoryName(DataDirectory));
    }

    [Fact]
    public void Its_class_is_the_clusters_default() =>
        Assert.All(Rendering.Dev.All<V1StatefulSet>(), set => Assert.Null(set.Spec.VolumeClaimTemplates.Single().Spec.StorageClassName));

    [Fact]
    public void A_second_start_finds_the_permissions_that_the_first_has_left() => Every.Database((service, set) =>
        set.Spec.Template.Spec.SecurityContext.RunAsUser == 999 && set.Spec.Template.Spec.SecurityContext.FsGroup == 999 && set.Spec.Template.Spec.SecurityContext.FsGroupChangePolicy == "OnRootMismatch");

    [Fact]
    public void It_may_write_where_it_must() => Every.Database((service, set) =>
        MountOf(set, "run") == "/var/run/postgresql" && MountOf(set, "tmp") == "/tmp" && set.Spec.Template.Spec.Volumes.All(volume => volume.EmptyDir != null));

    [Fact]
    public void Its_role_and_its_database_are_its_owners_and_its_password_a_secret_of_its_own()
    {
        Every.Database((service, set) => Variable(set, "POSTGRES_USER") == service.Name && Variable(set, "POSTGRES_DB") == service.Name);
        Every.Database((service, set) => string.Join(' ', Postgres(set).Env.Select(variable => variable.Name).Order()) == "PGDATA POSTGRES_DB POSTGRES_PASSWORD POSTGRES_USER");
        Every.Database((service, set) => Postgres(set).Env.Single(variable => variable.Name == "POSTGRES_PASSWORD").ValueFrom.SecretKeyRef is { Key: "password" } secret
            && (secret.Name == $"{service.Name}-database" || secret.Name.StartsWith($"{service.Name}-database-", StringComparison.Ordinal)));
    }

    [Fact]
    public void It_is_probed_by_pg_isready_with_time_to_answer()
    {
        Every.Database((service, set) => Probes(set).All(probe => string.Join(' ', probe.Exec.Command) == $"pg_isready -U {service.Name} -d {service.Name} -h 127.0.0.1"));
        Every.Database((service, set) => Probes(set).All(probe => probe.TimeoutSeconds == 5));
        Every.Database((service, set) => Postgres(set).StartupProbe.PeriodSeconds * Postgres(set).StartupProbe.FailureThreshold >= 120);
    }

    [Fact]
    public void It_stops_fast_and_in_its_own_time()
    {
        Every.Database((service, set) => string.Join(' ', Postgres(set).Lifecycle.PreStop.Exec.Command) == $"pg_ctl stop -m fast -D {DataDirectory}");
        Every.Database((service, set) => set.Spec.Template.Spec.TerminationGracePeriodSeconds >= 60);
    }

    [Fact]
    public void A_headless_Service_governs_it_and_another_has_one_address_for_it() => Every.Holds(
        "5432, governed by a headless Service, connected to by another",
        rendering => rendering.All<V1StatefulSet>().Select(set => new Case(set.Name(), () =>
            Postgres(set).Ports.Single() is { Name: "postgres", ContainerPort: 5432 }
            && rendering.Single<V1Service>(set.Spec.ServiceName) is { Spec.ClusterIP: "None" } governing && governing.Selects(Workload.From(set)!)
            && rendering.Single<V1Service>(set.Name()) is { Spec: { ClusterIP: null, Type: null or "ClusterIP", Ports: [{ Port: 5432 }] } } address && address.Selects(Workload.From(set)!))));

    private static V1Container Postgres(V1StatefulSet set) => set.Spec.Template.Spec.Containers.Single();

    private static string? Variable(V1StatefulSet set, string name) => Postgres(set).Env.Single(variable => variable.Name == name).Value;

    private static string MountOf(V1StatefulSet set, string volume) => Postgres(set).VolumeMounts.Single(mount => mount.Name == volume).MountPath;

    private static IEnumerable<V1Probe> Probes(V1StatefulSet set) => [Postgres(set).StartupProbe, Postgres(set).LivenessProbe, Postgres(set).ReadinessProbe];
}
